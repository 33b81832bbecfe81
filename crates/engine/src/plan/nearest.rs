//! The nearest valid name to one that was mistyped.

/// The candidate most like `given`, if any is like it enough to be what was meant: at most a third of its letters differ.
///
/// Candidates are (what is compared, what is shown). Ties go to the smaller text, whatever the order of the candidates.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<&'a str> {
    // Longer than every key. What is compared letter by letter takes the time of the product of both lengths.
    const LONGEST: usize = 300;
    let length = given.chars().count();
    let most = (length / 3).max(1);
    candidates
        .filter(|_| length <= LONGEST)
        // Looking at each candidate costs time: those of very different length are out at once.
        .filter(|(compared, _)| compared.chars().count().abs_diff(length) <= most)
        .map(|(compared, shown)| (strsim::osa_distance(given, compared), shown))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = || [("engineers", "Engineers"), ("default", "Default")].into_iter();
        assert_eq!(nearest("enginers", names()), Some("Engineers"));
        assert_eq!(nearest("sales", names()), None);
        assert_eq!(nearest("b", [("c", "c"), ("a", "a")].into_iter()), Some("a"));
    }
}
