//! Metrics in Prometheus's plain text format 0.0.4, for scrapers that do not take OpenMetrics.

/// Rewrites OpenMetrics text: counter families get the name of their samples, and what 0.0.4 does not know is left out.
pub(crate) fn from_open_metrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help: Option<&str> = None;
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
        } else if let Some(family) = line.strip_prefix("# TYPE ") {
            let suffix = if family.ends_with(" counter") { "_total" } else { "" };
            for header in help.take().into_iter().chain([line]) {
                push_header(&mut out, header, suffix);
            }
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// `# TYPE name kind` with the suffix after the name.
fn push_header(out: &mut String, header: &str, suffix: &str) {
    let name_start = "# TYPE ".len();
    let name_end = header[name_start..].find(' ').map_or(header.len(), |at| name_start + at);
    out.push_str(&header[..name_end]);
    out.push_str(suffix);
    out.push_str(&header[name_end..]);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_renamed_and_the_rest_kept() {
        let open = "# HELP a_bytes Bytes.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\na_bytes_total{x=\"1\"} 2\n\
                    # HELP g Gauge.\n# TYPE g gauge\ng 1\n# EOF\n";
        let plain = "# HELP a_bytes_total Bytes.\n# TYPE a_bytes_total counter\na_bytes_total{x=\"1\"} 2\n\
                     # HELP g Gauge.\n# TYPE g gauge\ng 1\n";
        assert_eq!(from_open_metrics(open), plain);
    }
}
