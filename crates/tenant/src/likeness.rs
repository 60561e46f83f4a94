//! What was probably meant.

/// How alike names have to be for a mistake of typing, by Jaro and Winkler: 1 is the same.
const ALIKE: f64 = 0.8;

/// The name that looks most like `word`, in any case, if one looks like it at all.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // No name is that long, and the words come from strangers.
    let lower = word.chars().take(80).collect::<String>().to_ascii_lowercase();
    names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &lower), known))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
