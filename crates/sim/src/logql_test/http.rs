//! A server of the Loki API as a target.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sigyn_model::Labels;
use sigyn_model::duration::SECOND;
use sigyn_read::Direction;

use super::Target;
use super::outcome::{Outcome, Series, Stream};
use super::script::{Entry, Kind, Load, Question};

/// A tenant of a server.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    url: String,
    tenant: String,
    base: i64,
}

const BODY_BYTES_MAX: u64 = 1 << 26;

impl Http {
    /// `url` without a path; `base` is the test's start in nanoseconds, a whole hour in the recent past.
    #[must_use]
    pub fn new(url: &str, tenant: &str, base: i64) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self { agent, url: url.trim_end_matches('/').to_owned(), tenant: tenant.to_owned(), base }
    }

    fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<(u16, String), String> {
        let pairs = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        let request = self.agent.get(format!("{}{path}", self.url)).query_pairs(pairs);
        let response = request.header("X-Scope-OrgID", &self.tenant).call();
        read(response.map_err(|error| format!("asking {}: {error}", self.url))?)
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<(u16, String), String> {
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_string();
    Ok((status, body.map_err(|error| error.to_string())?))
}

impl Target for Http {
    fn load(&self, load: &Load) -> Result<(), String> {
        let map =
            |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>();
        let value = |entry: &Entry| {
            let time = (self.base + entry.offset).to_string();
            match entry.metadata.is_empty() {
                true => json!([time, entry.line]),
                false => json!([time, entry.line, map(&entry.metadata)]),
            }
        };
        let values: Vec<Value> = load.entries.iter().map(value).collect();
        let body = json!({ "streams": [{ "stream": map(&load.labels), "values": values }] }).to_string();
        let request = self.agent.post(format!("{}/loki/api/v1/push", self.url)).content_type("application/json");
        let response = request.header("X-Scope-OrgID", &self.tenant).send(body);
        match read(response.map_err(|error| format!("pushing to {}: {error}", self.url))?)? {
            (200 | 204, _) => Ok(()),
            (status, text) => Err(format!("the push was answered {status}: {text}")),
        }
    }

    fn ask(&self, question: &Question) -> Result<Outcome, String> {
        let (from, to) = ((self.base + question.from).to_string(), (self.base + question.to).to_string());
        let query = ("query", question.query.clone());
        let (status, text) = if question.kind == Kind::Instant {
            self.get("/loki/api/v1/query", &[query, ("time", to)])?
        } else {
            let mut parameters = vec![query, ("start", from), ("end", to)];
            match question.kind {
                Kind::Logs => {
                    let forward = question.direction == Direction::Forward;
                    let direction = if forward { "forward" } else { "backward" };
                    parameters.extend([("limit", question.limit.to_string()), ("direction", direction.to_owned())]);
                }
                _ => parameters.push(("step", seconds(question.step))),
            }
            if question.interval > 0 {
                parameters.push(("interval", seconds(question.interval)));
            }
            self.get("/loki/api/v1/query_range", &parameters)?
        };
        if status != 200 {
            return Ok(Outcome::Refused(text));
        }
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        self.outcome(&answer["data"], question).ok_or_else(|| format!("an answer of another shape: {text}"))
    }
}

/// A number of seconds, as parameters give durations.
fn seconds(nanos: i64) -> String {
    (nanos as f64 / SECOND as f64).to_string()
}

impl Http {
    fn outcome(&self, data: &Value, question: &Question) -> Option<Outcome> {
        let result = &data["result"];
        match data["resultType"].as_str()? {
            "streams" => result.as_array()?.iter().map(|s| self.stream(s)).collect::<Option<_>>().map(Outcome::Streams),
            "scalar" => value(&result[1]).map(Outcome::Scalar),
            "vector" => {
                let series = |series: &Value| {
                    Some(Series { labels: labels(&series["metric"])?, points: vec![Some(value(&series["value"][1])?)] })
                };
                result.as_array()?.iter().map(series).collect::<Option<_>>().map(Outcome::Series)
            }
            "matrix" => {
                let series = result.as_array()?.iter().map(|series| self.series(series, question));
                series.collect::<Option<_>>().map(Outcome::Series)
            }
            _ => None,
        }
    }

    fn stream(&self, stream: &Value) -> Option<Stream> {
        let entry = |entry: &Value| {
            let time: i64 = entry[0].as_str()?.parse().ok()?;
            let line = entry[1].as_str()?.to_owned();
            Some(Entry { offset: time - self.base, line, metadata: Labels::default() })
        };
        let entries = stream["values"].as_array()?.iter().map(entry).collect::<Option<_>>()?;
        Some(Stream { labels: labels(&stream["stream"])?, entries })
    }

    fn series(&self, series: &Value, question: &Question) -> Option<Series> {
        let mut points = vec![None; question.steps()];
        for sample in series["values"].as_array()? {
            let time = (sample[0].as_f64()? * 1000.0).round() as i64 * 1_000_000;
            let step = (time - self.base - question.from) / question.step;
            // Points outside are what alignment adds when the test's times are no multiples of its step.
            if let Some(point) = usize::try_from(step).ok().and_then(|step| points.get_mut(step)) {
                *point = Some(value(&sample[1])?);
            }
        }
        Some(Series { labels: labels(&series["metric"])?, points })
    }
}

fn value(text: &Value) -> Option<f64> {
    text.as_str()?.parse().ok()
}

fn labels(map: &Value) -> Option<Labels> {
    let pairs = map.as_object()?.iter().map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    Some(Labels::with_empty(pairs.collect::<Option<Vec<_>>>()?))
}
