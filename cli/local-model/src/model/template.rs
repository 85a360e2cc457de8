//! Chat messages to the token ids of a prompt, in the format the model was trained on.

use super::vocabulary::Vocabulary;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
}

/// A chat format, told by the special tokens that a model knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    /// `<|im_start|>role\n...<|im_end|>\n`
    ChatMl { start: u32, end: u32 },
    /// `<|start_header_id|>role<|end_header_id|>\n\n...<|eot_id|>`
    Llama3 { start: u32, end: u32, eot: u32 },
    /// `role: ...\n`, for models without a chat format.
    Plain,
}

impl Template {
    /// The format whose special tokens the vocabulary has.
    pub(crate) fn of(vocabulary: &Vocabulary) -> Self {
        Self::detect(|name| vocabulary.special(name))
    }

    fn detect(special: impl Fn(&str) -> Option<u32>) -> Self {
        let chat_ml = special("<|im_start|>").zip(special("<|im_end|>"));
        let header = special("<|start_header_id|>").zip(special("<|end_header_id|>"));
        match (chat_ml, header, special("<|eot_id|>")) {
            (Some((start, end)), _, _) => Self::ChatMl { start, end },
            (None, Some((start, end)), Some(eot)) => Self::Llama3 { start, end, eot },
            _ => Self::Plain,
        }
    }

    /// The prompt's token ids, ending where the assistant begins to speak.
    pub(crate) fn prompt(self, vocabulary: &Vocabulary, messages: &[Message]) -> Vec<u32> {
        let mut prompt: Vec<u32> = vocabulary.bos().into_iter().collect();
        for message in messages {
            self.open(vocabulary, message.role, Some(&message.content), &mut prompt);
        }
        self.open(vocabulary, Role::Assistant, None, &mut prompt);
        prompt
    }

    /// What the model itself would write to begin another turn, where no special token tells.
    pub(crate) fn stop(self) -> Option<&'static str> {
        (self == Self::Plain).then_some("\nuser:")
    }

    /// One turn; without content it is left open. Text between special tokens is encoded in one piece, as in training.
    fn open(self, vocabulary: &Vocabulary, role: Role, content: Option<&str>, prompt: &mut Vec<u32>) {
        let name = role.name();
        let text = content.unwrap_or_default();
        match self {
            Self::ChatMl { start, end } => {
                prompt.push(start);
                prompt.extend(vocabulary.encode(&format!("{name}\n{text}")));
                if content.is_some() {
                    prompt.push(end);
                    prompt.extend(vocabulary.encode("\n"));
                }
            }
            Self::Llama3 { start, end, eot } => {
                prompt.push(start);
                prompt.extend(vocabulary.encode(name));
                prompt.push(end);
                prompt.extend(vocabulary.encode(&format!("\n\n{}", text.trim())));
                prompt.extend(content.map(|_| eot));
            }
            Self::Plain if content.is_some() => {
                prompt.extend(vocabulary.encode(&format!("{name}: {text}\n")))
            }
            Self::Plain => prompt.extend(vocabulary.encode(&format!("{name}:"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(names: &[(&str, u32)]) -> Template {
        Template::detect(|name| names.iter().find(|(known, _)| *known == name).map(|(_, id)| *id))
    }

    #[test]
    fn the_format_follows_from_the_special_tokens() {
        assert_eq!(
            detect(&[("<|im_start|>", 1), ("<|im_end|>", 2)]),
            Template::ChatMl { start: 1, end: 2 }
        );
        let llama = [
            ("<|start_header_id|>", 6),
            ("<|end_header_id|>", 7),
            ("<|eot_id|>", 9),
        ];
        assert_eq!(
            detect(&llama),
            Template::Llama3 {
                start: 6,
                end: 7,
                eot: 9
            }
        );
        assert_eq!(detect(&[("<s>", 1)]), Template::Plain);
    }

    #[test]
    fn only_the_plain_format_needs_a_stop_text() {
        assert_eq!(Template::Plain.stop(), Some("\nuser:"));
        assert_eq!(Template::ChatMl { start: 1, end: 2 }.stop(), None);
    }
}
