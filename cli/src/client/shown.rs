//! An answer as it is shown: the text as it comes, then the places that it is from, and what it took.

use std::{
    io,
    time::{Duration, Instant},
};

use lambent_schema::{
    Cost,
    endpoints::ask::{Answered, Basis, Citation, Source},
    stream::FinishReason,
};

use super::terminal::{line, write};
use crate::welcome::say;

/// The most characters of a quote or passage that are shown.
const QUOTE: usize = 160;

/// What is shown of an answer so far.
#[derive(Debug)]
pub(crate) struct Shown {
    /// What the answer is made from.
    pub(crate) sources: Vec<Source>,
    begun: Instant,
    with_sources: bool,
    /// Whether the line that was written last has no end.
    in_line: bool,
}

impl Shown {
    /// Nothing yet, of a request that was begun then.
    pub(crate) fn new(begun: Instant, with_sources: bool) -> Self {
        Self {
            sources: Vec::new(),
            begun,
            with_sources,
            in_line: false,
        }
    }

    /// Shows a piece of the text.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub(crate) fn delta(&mut self, text: &str) -> io::Result<()> {
        if !text.is_empty() {
            self.in_line = !text.ends_with('\n');
        }
        write(text)
    }

    /// Ends the line.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.in_line) {
            true => write("\n"),
            false => Ok(()),
        }
    }

    /// Shows what there is to say of the whole answer.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub(crate) fn done(&mut self, answered: &Answered) -> io::Result<()> {
        self.end_line()?;
        let (nearest, own): (Vec<_>, Vec<_>) =
            (answered.citations.iter()).partition(|citation| citation.basis == Basis::Nearest);
        for (title, citations) in [("\n", own), ("\nNearest to the question:\n", nearest)] {
            if !citations.is_empty() {
                write(title)?;
            }
            for citation in citations {
                write(&format!("{}\n", self.cited(citation)))?;
            }
        }
        if self.with_sources && !self.sources.is_empty() {
            write("\nSources:\n")?;
            for source in &self.sources {
                write(&format!("{}\n", passage(source)))?;
            }
        }
        for remark in remarks(answered, !self.sources.is_empty()) {
            say(&format!("\n{remark}"));
        }
        say(&format!("\n{}", took(self.begun.elapsed(), answered)));
        Ok(())
    }

    fn cited(&self, citation: &Citation) -> String {
        let Citation {
            n,
            document_id,
            chunk,
            quote,
            basis: _,
        } = citation;
        let title = (self.sources.iter().find(|source| source.n == *n))
            .map(|source| format!("{}, ", line(&source.title, QUOTE)))
            .unwrap_or_default();
        format!("[{n}] {title}{document_id}:{chunk}: \"{}\"", line(quote, QUOTE))
    }
}

fn passage(source: &Source) -> String {
    let Source {
        n,
        document_id,
        title,
        chunk,
        score,
        text,
    } = source;
    let title = line(title, QUOTE);
    format!(
        "[{n}] {title}, {document_id}:{chunk}, score {score:.2}: {}",
        line(text, QUOTE)
    )
}

/// What a reader has to know before believing it.
fn remarks(answered: &Answered, has_sources: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if has_sources && !answered.grounded {
        remarks.push(
            "Nothing of this answer was found in your documents: read what is nearest to the question. --sources shows all that it \
             could be from."
                .to_owned(),
        );
    }
    match answered.invented_citations {
        0 => {}
        1 => remarks.push("1 citation in it names no source.".to_owned()),
        count => remarks.push(format!("{count} citations in it name no source.")),
    }
    if answered.finish_reason == FinishReason::Length {
        remarks.push("It is cut off at the limit of output tokens.".to_owned());
    }
    remarks
}

fn took(time: Duration, answered: &Answered) -> String {
    let usage = answered.usage;
    format!(
        "{:.1} s, {} tokens read, {} written, {}",
        time.as_secs_f64(),
        usage.input_tokens,
        usage.output_tokens,
        dollars(answered.cost)
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "costs of one answer are far from where it begins"
)]
fn dollars(cost: Cost) -> String {
    format!("${:.6}", (cost.tokens + cost.compute) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use lambent_schema::Usage;

    use super::*;

    fn answered(grounded: bool, invented_citations: u32, finish_reason: FinishReason) -> Answered {
        Answered {
            grounded,
            citations: Vec::new(),
            invented_citations,
            model: None,
            usage: Usage {
                input_tokens: 612,
                output_tokens: 41,
            },
            cost: Cost {
                tokens: 817,
                compute: 11,
            },
            finish_reason,
            timings: Default::default(),
            request_id: "r-1".to_owned(),
        }
    }

    #[test]
    fn what_it_took_is_one_line() {
        assert_eq!(
            took(
                Duration::from_millis(1240),
                &answered(true, 0, FinishReason::Stop)
            ),
            "1.2 s, 612 tokens read, 41 written, $0.000828"
        );
    }

    #[test]
    fn what_is_doubtful_about_an_answer_is_remarked() {
        assert_eq!(remarks(&answered(true, 0, FinishReason::Stop), true).len(), 0);
        let doubtful = remarks(&answered(false, 2, FinishReason::Length), true);
        assert_eq!(doubtful.len(), 3, "{doubtful:?}");
        // Where nothing was found, the answer says so itself.
        assert_eq!(remarks(&answered(false, 0, FinishReason::Stop), false).len(), 0);
    }
}
