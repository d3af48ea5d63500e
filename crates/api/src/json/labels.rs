//! Label sets as objects.

use sigyn_model::Labels;

use super::{comma, string};

/// Appends `{"name":"value",…}`.
pub(crate) fn object<'a>(out: &mut Vec<u8>, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (name, value) in pairs {
        comma(out);
        string(out, name.as_bytes());
        out.push(b':');
        string(out, value.as_bytes());
    }
    out.push(b'}');
}

pub(crate) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    object(out, labels.iter());
}
