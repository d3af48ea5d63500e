//! Runs a parsed template over one entry, appending to one buffer.

use std::rc::Rc;

use smallvec::SmallVec;

use super::functions::{self, Function};
use super::parse::{At, Block, Command, Node, Operand, Pipeline};
use super::value::Value;
use super::{Entry, Template};

/// Deepest nesting of `{{template}}` calls.
const CALLS_MAX: usize = 50;
/// Longest text one entry's template may write, in bytes.
pub(super) const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// Most nodes one entry's template may visit, so that loops end.
const NODES_MAX: usize = 1_000_000;

pub(super) type Arguments<'a> = SmallVec<[Value<'a>; 4]>;

enum Flow {
    Next,
    Break,
    Continue,
}

pub(super) struct Run<'a> {
    pub(super) template: &'a Template,
    pub(super) entry: &'a Entry<'a>,
    /// Innermost last; the empty name is `$`.
    variables: Vec<(&'a str, Value<'a>)>,
    calls: usize,
    nodes: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(template: &'a Template, entry: &'a Entry<'a>) -> Self {
        Self { template, entry, variables: vec![("", Value::Labels)], calls: 0, nodes: 0 }
    }

    pub(super) fn root(&mut self, out: &mut String) -> Result<(), String> {
        self.block(&self.template.parsed.root, &Value::Labels, out).map(|_| ())
    }

    fn fail(&self, at: &At, message: &str) -> String {
        format!(
            "template: {name}:{}:{}: executing {name:?} at <{}>: {message}",
            at.line,
            at.column,
            at.text,
            name = self.template.name
        )
    }

    fn block(&mut self, nodes: &'a Block, dot: &Value<'a>, out: &mut String) -> Result<Flow, String> {
        let scope = self.variables.len();
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(node, dot, out)?;
            if !matches!(flow, Flow::Next) {
                break;
            }
        }
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn node(&mut self, node: &'a Node, dot: &Value<'a>, out: &mut String) -> Result<Flow, String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("template: {}: visited more than {NODES_MAX} nodes for one entry", self.template.name));
        }
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.declare.is_empty() {
                    self.print(&value, out);
                }
            }
            Node::If { branches, otherwise } => return self.branches(branches, otherwise, dot, false, out),
            Node::With { branches, otherwise } => return self.branches(branches, otherwise, dot, true, out),
            Node::Range { pipeline, body, otherwise } => return self.range(pipeline, body, otherwise, dot, out),
            Node::Template { name, argument, at } => self.call(name, argument.as_ref(), at, dot, out)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(format!(
                "template: {}: wrote more than {OUTPUT_BYTES_MAX} bytes for one entry",
                self.template.name
            ));
        }
        Ok(Flow::Next)
    }

    pub(super) fn print(&self, value: &Value<'a>, out: &mut String) {
        let Value::Labels = value else { return value.print(out) };
        let mut pairs = Vec::new();
        self.entry.labels.each(&mut |name, value| pairs.push((name.to_owned(), value.to_owned())));
        pairs.sort();
        let written: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
        out.push_str("map[");
        out.push_str(&written.join(" "));
        out.push(']');
    }

    fn branches(
        &mut self,
        branches: &'a [(Pipeline, Block)],
        otherwise: &'a Block,
        dot: &Value<'a>,
        moves_dot: bool,
        out: &mut String,
    ) -> Result<Flow, String> {
        let scope = self.variables.len();
        let mut chosen = None;
        for (condition, body) in branches {
            let value = self.pipeline(condition, dot)?;
            if self.is_true(&value) {
                chosen = Some((body, value));
                break;
            }
        }
        let flow = match &chosen {
            Some((body, value)) => self.block(body, if moves_dot { value } else { dot }, out),
            None => self.block(otherwise, dot, out),
        };
        self.variables.truncate(scope);
        flow
    }

    pub(super) fn is_true(&self, value: &Value<'a>) -> bool {
        let mut no_labels = true;
        if matches!(value, Value::Labels) {
            self.entry.labels.each(&mut |_, _| no_labels = false);
        }
        value.is_true(no_labels)
    }

    fn range(
        &mut self,
        pipeline: &'a Pipeline,
        body: &'a Block,
        otherwise: &'a Block,
        dot: &Value<'a>,
        out: &mut String,
    ) -> Result<Flow, String> {
        let scope = self.variables.len();
        let value = self.range_source(pipeline, dot)?;
        let items = self
            .range_items(&value)
            .ok_or_else(|| self.fail(&pipeline.at, &format!("range can't iterate over {}", value.type_name())))?;
        if items.is_empty() {
            let flow = self.block(otherwise, dot, out);
            self.variables.truncate(scope);
            return flow;
        }
        for (key, item) in items {
            let inner = self.variables.len();
            match pipeline.declare.as_slice() {
                [only] => self.bind(only, item.clone(), pipeline.assign),
                [first, second] => {
                    self.bind(first, key, pipeline.assign);
                    self.bind(second, item.clone(), pipeline.assign);
                }
                _ => {}
            }
            let flow = self.block(body, &item, out)?;
            self.variables.truncate(inner);
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        self.variables.truncate(scope);
        Ok(Flow::Next)
    }

    /// The value a range walks; its variables are bound per item, not here.
    fn range_source(&mut self, pipeline: &'a Pipeline, dot: &Value<'a>) -> Result<Value<'a>, String> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    fn range_items(&self, value: &Value<'a>) -> Option<Vec<(Value<'a>, Value<'a>)>> {
        match value {
            Value::List(items) => {
                Some(items.iter().enumerate().map(|(at, item)| (Value::Int(at as i64), item.clone())).collect())
            }
            Value::Map(entries) => {
                Some(entries.iter().map(|(name, item)| (Value::owned(name.clone()), item.clone())).collect())
            }
            Value::Labels => {
                let mut pairs = Vec::new();
                self.entry.labels.each(&mut |name, value| pairs.push((name.to_owned(), value.to_owned())));
                pairs.sort();
                Some(pairs.into_iter().map(|(name, value)| (Value::owned(name), Value::owned(value))).collect())
            }
            Value::Int(n) => {
                Some((0..(*n).clamp(0, NODES_MAX as i64)).map(|at| (Value::Int(at), Value::Int(at))).collect())
            }
            Value::Nil => Some(Vec::new()),
            _ => None,
        }
    }

    fn bind(&mut self, name: &'a str, value: Value<'a>, assign: bool) {
        if assign && let Some((_, slot)) = self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            *slot = value;
            return;
        }
        self.variables.push((name, value));
    }

    fn call(
        &mut self,
        name: &'a str,
        argument: Option<&'a Pipeline>,
        at: &At,
        dot: &Value<'a>,
        out: &mut String,
    ) -> Result<(), String> {
        let Some(body) = self.template.parsed.defines.get(name) else {
            return Err(self.fail(at, &format!("template {name:?} not defined")));
        };
        let dot = match argument {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Nil,
        };
        self.calls += 1;
        if self.calls > CALLS_MAX {
            return Err(self.fail(at, &format!("exceeded maximum template depth ({CALLS_MAX})")));
        }
        let outer = std::mem::replace(&mut self.variables, vec![("", dot.clone())]);
        let result = self.block(body, &dot, out);
        self.variables = outer;
        self.calls -= 1;
        result.map(|_| ())
    }

    pub(super) fn pipeline(&mut self, pipeline: &'a Pipeline, dot: &Value<'a>) -> Result<Value<'a>, String> {
        let value = self.range_source(pipeline, dot)?;
        if let Some(name) = pipeline.declare.first() {
            self.bind(name, value.clone(), pipeline.assign);
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &'a Command,
        dot: &Value<'a>,
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        let (first, rest) = command.operands.split_first().ok_or_else(|| self.fail(&command.at, "empty command"))?;
        if let Operand::Function(function) = first {
            return self.function(*function, rest, command, dot, piped);
        }
        if let Operand::Group(inner, path) = first
            && let Some((method, path)) = path.split_last()
            && (!rest.is_empty() || piped.is_some())
        {
            let mut receiver = self.pipeline(inner, dot)?;
            for name in path {
                receiver = self.field(&receiver, name, &[], &command.at)?;
            }
            let arguments = self.arguments(rest, command, dot, piped)?;
            return self.field(&receiver, method, &arguments, &command.at);
        }
        if !rest.is_empty() || piped.is_some() {
            return Err(self.fail(&command.at, &format!("can't give argument to non-function {}", command.at.text)));
        }
        self.operand(first, command, dot)
    }

    fn arguments(
        &mut self,
        operands: &'a [Operand],
        command: &'a Command,
        dot: &Value<'a>,
        piped: Option<Value<'a>>,
    ) -> Result<Arguments<'a>, String> {
        let mut arguments = Arguments::new();
        for operand in operands {
            arguments.push(self.operand(operand, command, dot)?);
        }
        arguments.extend(piped);
        Ok(arguments)
    }

    fn function(
        &mut self,
        function: Function,
        operands: &'a [Operand],
        command: &'a Command,
        dot: &Value<'a>,
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        if matches!(function, Function::And | Function::Or) {
            return self.short_circuit(function, operands, command, dot, piped);
        }
        let arguments = self.arguments(operands, command, dot, piped)?;
        functions::call(function, arguments, self).map_err(|message| {
            // Arguments are counted before the call begins, so Go blames the name alone.
            if message.starts_with("wrong number of args") {
                return self.fail(&At { text: function.name().into(), ..command.at.clone() }, &message);
            }
            self.fail(&command.at, &message)
        })
    }

    /// `and` yields the first false argument, `or` the first true one, else the last; later ones are not evaluated.
    fn short_circuit(
        &mut self,
        function: Function,
        operands: &'a [Operand],
        command: &'a Command,
        dot: &Value<'a>,
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        let mut last = None;
        for operand in operands {
            let value = self.operand(operand, command, dot)?;
            if self.is_true(&value) == (function == Function::Or) {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| {
            self.fail(&command.at, &format!("wrong number of args for {}: want at least 1 got 0", function.name()))
        })
    }

    fn operand(&mut self, operand: &'a Operand, command: &'a Command, dot: &Value<'a>) -> Result<Value<'a>, String> {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Value::Nil),
            Operand::Bool(b) => Ok(Value::Bool(*b)),
            Operand::Int(n) => Ok(Value::Int(*n)),
            Operand::Float(x) => Ok(Value::Float(*x)),
            Operand::Str(text) => Ok(Value::borrowed(text)),
            Operand::Field(path, at) => self.path(dot.clone(), path, at),
            Operand::Variable(name, path) => {
                let value = self
                    .variables
                    .iter()
                    .rev()
                    .find(|(known, _)| known == name)
                    .map_or(Value::Nil, |(_, value)| value.clone());
                self.path(value, path, &command.at)
            }
            Operand::Function(function) => self.function(*function, &[], command, dot, None),
            Operand::Group(inner, path) => {
                let value = self.pipeline(inner, dot)?;
                self.path(value, path, &command.at)
            }
        }
    }

    fn path(&self, start: Value<'a>, path: &'a [String], at: &At) -> Result<Value<'a>, String> {
        path.iter().try_fold(start, |value, name| self.field(&value, name, &[], at))
    }

    fn field(&self, receiver: &Value<'a>, name: &str, arguments: &[Value<'a>], at: &At) -> Result<Value<'a>, String> {
        let missing = |receiver: &Value<'a>| {
            self.fail(at, &format!("can't evaluate field {name} in type {}", receiver.type_name()))
        };
        match receiver {
            Value::Labels => Ok(Value::borrowed(self.entry.labels.get(name).unwrap_or(""))),
            Value::Map(entries) => Ok(entries.get(name).cloned().unwrap_or(Value::Nil)),
            Value::Time(time) => {
                functions::time_method(&Rc::clone(time), name, arguments).unwrap_or_else(|| Err(missing(receiver)))
            }
            Value::Nil => Err(self.fail(at, &format!("nil data; no entry for key {name:?}"))),
            other => Err(missing(other)),
        }
    }
}
