//! Results of metric queries and of volume.

use sigyn_logql::{MatrixSeries, Sample, VectorSample};
use sigyn_read::VolumeSeries;

use super::labels::{labels, object};
use super::{array, display, sample_value, seconds};

pub(super) fn matrix(out: &mut Vec<u8>, series: &[MatrixSeries]) {
    array(out, series, |out, series| {
        out.extend_from_slice(br#"{"metric":"#);
        labels(out, &series.labels);
        out.extend_from_slice(br#","values":"#);
        array(out, &series.samples, |out, sample| point(out, *sample));
        out.push(b'}');
    });
}

pub(super) fn vector(out: &mut Vec<u8>, samples: &[VectorSample]) {
    array(out, samples, |out, sample| {
        out.extend_from_slice(br#"{"metric":"#);
        labels(out, &sample.labels);
        out.extend_from_slice(br#","value":"#);
        point(out, sample.sample);
        out.push(b'}');
    });
}

fn point(out: &mut Vec<u8>, sample: Sample) {
    out.push(b'[');
    seconds(out, sample.timestamp);
    out.push(b',');
    sample_value(out, sample.value);
    out.push(b']');
}

/// Appends a scalar. Its time is what Loki 3 prints, which is not the time of the query: milliseconds are taken for
/// seconds, overflow as nanoseconds, and are cut to milliseconds again. Clients ignore it; recorded answers do not.
pub(super) fn scalar(out: &mut Vec<u8>, sample: Sample) {
    let overflowed = (sample.timestamp / 1_000_000).wrapping_mul(1_000_000_000);
    out.push(b'[');
    display(out, overflowed / 1_000_000);
    out.push(b',');
    sample_value(out, sample.value);
    out.push(b']');
}

/// Whether volumes are written as a vector: Loki does so unless some series has more than one point.
pub(super) fn volumes_are_vector(series: &[VolumeSeries]) -> bool {
    series.iter().all(|series| series.points.len() <= 1)
}

pub(super) fn volumes(out: &mut Vec<u8>, series: &[VolumeSeries]) {
    let as_vector = volumes_are_vector(series);
    let shown = series.iter().filter(|series| !series.points.is_empty());
    array(out, shown, |out, series| {
        out.extend_from_slice(br#"{"metric":"#);
        object(out, series.metric.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let point = |out: &mut Vec<u8>, (time, bytes): &(sigyn_model::Timestamp, u64)| {
            out.push(b'[');
            seconds(out, time.nanos());
            out.extend_from_slice(b",\"");
            display(out, bytes);
            out.extend_from_slice(b"\"]");
        };
        if as_vector {
            out.extend_from_slice(br#","value":"#);
            series.points.iter().take(1).for_each(|p| point(out, p));
        } else {
            out.extend_from_slice(br#","values":"#);
            array(out, &series.points, point);
        }
        out.push(b'}');
    });
}
