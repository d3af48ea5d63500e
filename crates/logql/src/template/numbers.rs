//! Template functions over numbers.

use super::exec::Arguments;
use super::functions::{Function, text};
use super::value::{Value, to_float, to_int};

pub(super) fn call<'a>(function: Function, arguments: &Arguments<'a>) -> Result<Value<'a>, String> {
    let int = |at: usize| to_int(&arguments[at]);
    let float = |at: usize| to_float(&arguments[at]);
    let ints = || arguments.iter().map(to_int);
    let floats = || arguments.iter().map(to_float);
    let zero = || "runtime error: integer divide by zero".to_owned();
    Ok(match function {
        Function::Bytes => Value::Float(crate::humanize::parse_bytes(text(&arguments[0])?)? as f64),
        Function::Duration | Function::DurationSeconds => {
            let nanos = sigyn_model::duration::parse_go(text(&arguments[0])?)?;
            Value::Float((nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9)
        }
        Function::Int => Value::Int(int(0)),
        Function::Float64 => Value::Float(float(0)),
        Function::Add => Value::Int(ints().fold(0, i64::wrapping_add)),
        Function::Sub => Value::Int(int(0).wrapping_sub(int(1))),
        Function::Mul => Value::Int(ints().fold(1, i64::wrapping_mul)),
        Function::Div => Value::Int(int(0).checked_div(int(1)).ok_or_else(zero)?),
        Function::Mod => Value::Int(int(0).checked_rem(int(1)).ok_or_else(zero)?),
        Function::Addf => Value::Float(floats().sum()),
        Function::Subf => Value::Float(floats().skip(1).fold(float(0), |a, b| a - b)),
        Function::Mulf => Value::Float(floats().product()),
        Function::Divf => Value::Float(floats().skip(1).fold(float(0), |a, b| a / b)),
        Function::Max => Value::Int(ints().fold(i64::MIN, i64::max)),
        Function::Min => Value::Int(ints().fold(i64::MAX, i64::min)),
        Function::Maxf => Value::Float(floats().fold(f64::NEG_INFINITY, f64::max)),
        Function::Minf => Value::Float(floats().fold(f64::INFINITY, f64::min)),
        Function::Ceil => Value::Float(float(0).ceil()),
        Function::Floor => Value::Float(float(0).floor()),
        Function::Round => Value::Float(round(float(0), int(1), arguments.get(2).map_or(0.5, to_float))),
        other => return Err(format!("{} is not a function over numbers", other.name())),
    })
}

/// Rounds at `places` decimals; a fraction of `round_on` or more goes up.
fn round(x: f64, places: i64, round_on: f64) -> f64 {
    let scale = 10_f64.powi(i32::try_from(places).unwrap_or(i32::MAX));
    let digits = x * scale;
    let rounded = if digits.fract() >= round_on { digits.ceil() } else { digits.floor() };
    rounded / scale
}
