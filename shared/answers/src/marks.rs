//! Marks of citations in an answer: `[1]`, `[1, 3]`, `[2-4]`.

use std::ops::Range;

/// A mark at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its length in bytes.
    pub(crate) length: usize,
    /// The sources that it names, in its order.
    pub(crate) numbers: Vec<u32>,
}

/// The mark that a text begins with. Numbers have three digits at most, so that a year in brackets is none.
pub(crate) fn first(text: &str) -> Option<Mark> {
    let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
    let mut numbers = Vec::new();
    for part in inside.split([',', ';']) {
        let (from, to) = part.split_once(['-', '–']).unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        numbers.extend((from <= to).then_some(from..=to)?);
    }
    Some(Mark {
        length: inside.len() + 2,
        numbers,
    })
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_short = (1..=3).contains(&text.len());
    let is_number = is_short && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// All marks of a text: where they are, and what they name.
pub(crate) fn all(text: &str) -> Vec<(Range<usize>, Vec<u32>)> {
    let mut marks = Vec::new();
    let mut end = 0;
    for (at, _) in text.match_indices('[') {
        let mark = (at >= end).then(|| first(text.get(at..)?)).flatten();
        if let Some(mark) = mark {
            end = at + mark.length;
            marks.push((at..end, mark.numbers));
        }
    }
    marks
}

/// The text without marks of sources beyond the `known` ones, and how many such were named.
pub(crate) fn without(text: &str, known: u32) -> (String, u32) {
    let mut text = text.to_owned();
    let mut invented = 0;
    loop {
        let (rest, found) = without_once(&text, known);
        if found == 0 {
            return (text, invented);
        }
        invented += found;
        // What was around a mark may make another one.
        text = rest;
    }
}

fn without_once(text: &str, known: u32) -> (String, u32) {
    let mut rest = String::with_capacity(text.len());
    let mut invented = 0;
    let mut end = 0;
    for (range, mut numbers) in all(text) {
        rest.push_str(text.get(end..range.start).unwrap_or_default());
        end = range.end;
        let named = numbers.len();
        numbers.retain(|n| (1..=known).contains(n));
        let dropped = named - numbers.len();
        invented += u32::try_from(dropped).unwrap_or(u32::MAX);
        if dropped == 0 {
            rest.push_str(text.get(range).unwrap_or_default());
        } else if numbers.is_empty() {
            end += close_gap(&mut rest, text.get(end..).unwrap_or_default());
        } else {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            rest.push_str(&format!("[{}]", numbers.join(", ")));
        }
    }
    rest.push_str(text.get(end..).unwrap_or_default());
    (rest, invented)
}

/// Takes the spaces before a mark that is dropped; where nothing is before it in its line, those after it: how many bytes.
fn close_gap(before: &mut String, after: &str) -> usize {
    before.truncate(before.trim_end_matches(' ').len());
    let is_first = before.is_empty() || before.ends_with('\n');
    if is_first {
        after.len() - after.trim_start_matches(' ').len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<Vec<u32>> {
        all(text).into_iter().map(|(_, numbers)| numbers).collect()
    }

    #[test]
    fn marks_are_numbers_in_brackets() {
        assert_eq!(
            named("One [1], two [1, 3][2]; three [2-4] and [ 5 ; 6 ]."),
            [vec![1], vec![1, 3], vec![2], vec![2, 3, 4], vec![5, 6]]
        );
        for none in [
            "[]", "[a]", "[1", "1]", "[1,]", "[2024]", "[-1]", "[3-1]", "[1.5]", "[é]", "[１]",
        ] {
            assert_eq!(named(none), Vec::<Vec<u32>>::new(), "{none}");
        }
        assert_eq!(named("[[1]"), [[1]]);
    }

    #[test]
    fn marks_of_sources_that_there_are_not_are_dropped_and_counted() {
        for (text, expected, invented) in [
            (
                "It leaves at 21:40 [1]. It costs 59 [7].",
                "It leaves at 21:40 [1]. It costs 59.",
                1,
            ),
            ("Both [1, 7][2,9,8].", "Both [1][2].", 3),
            ("Kept [ 1,2 ].", "Kept [ 1,2 ].", 0),
            ("[0] It leaves", "It leaves", 1),
            ("It\n[7] leaves [8] late", "It\nleaves late", 2),
            ("A range [1-3].", "A range [1, 2].", 1),
            ("Odd [[7]9].", "Odd.", 2),
            ("No mark: [2024] [x]", "No mark: [2024] [x]", 0),
        ] {
            assert_eq!(without(text, 2), (expected.to_owned(), invented), "{text}");
        }
    }
}
