//! Sizes as people write them: `1.5GB` (powers of 1000) and `1.5GiB` (powers of 1024).

/// Reads a humanised size. Errors: the texts clients of Loki see.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let digits = text[..number_end].replace(',', "");
    let number: f64 = digits.parse().map_err(|_| {
        format!("strconv.ParseFloat: parsing {}: invalid syntax", sigyn_model::labels::GoQuoted(&digits))
    })?;
    let unit = text[number_end..].trim().to_lowercase();
    let scale = unit_bytes(&unit).ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let bytes = number * scale;
    if bytes >= u64::MAX as f64 { Err(format!("too large: {text}")) } else { Ok(bytes as u64) }
}

fn unit_bytes(unit: &str) -> Option<f64> {
    let base = unit.strip_suffix('b').unwrap_or(unit);
    let (prefix, step) = base.strip_suffix('i').map_or((base, 1000.0), |prefix| (prefix, 1024.0));
    let power = match prefix {
        "" if step < 1024.0 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    Some(f64::powi(step, power))
}

/// Writes a size with powers of 1000: `1.0kB`, `10kB`, `999B`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes}B");
    }
    let power = ((bytes as f64).ln() / 1000_f64.ln()).floor();
    let value = (bytes as f64 / 1000_f64.powf(power) * 10.0 + 0.5).floor() / 10.0;
    let decimals = usize::from(value < 10.0);
    format!("{value:.decimals$}{}", UNITS[(power as usize).min(6)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [
            ("1KB", 1000),
            ("1kB", 1000),
            ("1KiB", 1024),
            ("2.5MB", 2_500_000),
            ("42", 42),
            ("1,000 b", 1000),
            ("3g", 3_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        assert_eq!(parse_bytes(""), Err("strconv.ParseFloat: parsing \"\": invalid syntax".to_owned()));
        assert_eq!(parse_bytes("5xb"), Err("unhandled size name: xb".to_owned()));
    }

    #[test]
    fn writes_sizes() {
        for (bytes, text) in
            [(1, "1B"), (1000, "1.0kB"), (1024, "1.0kB"), (2_500_000, "2.5MB"), (10_000, "10kB"), (999, "999B")]
        {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
