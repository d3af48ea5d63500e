//! The built binary, asked over HTTP as clients ask it: its life, its promises, its answers to bad input.

mod bad_input;
mod chaos;
mod cli;
mod cli_tail;
mod cli_tls;
mod cluster;
mod commands;
mod corruption;
mod durability;
mod e2e;
mod full_disk;
mod logql;
mod support;
