//! What the model is asked: the message, and as much of what was said before as it has room for.

use lambent_llm::{Models, Prompt, Role, Turn, estimated_tokens};
use lambent_store::conversations::Said;

const SYSTEM: &str = "You are a helpful assistant in a chat. Answer the user's last message, in its language, briefly and truthfully. Say so \
    when you do not know.";
/// Tokens for what stands around turns, and for estimates that are too small.
const SPARE: u64 = 64;

/// The prompt: whole turns, the newest ones that leave room for the answer.
pub(crate) fn prompt(models: &Models, text: &str, before: Vec<Said>) -> Prompt {
    let room = models.context_tokens().map(|context| {
        let taken = estimated_tokens(SYSTEM) + estimated_tokens(text) + SPARE;
        u64::from(context.saturating_sub(models.max_output_tokens())).saturating_sub(taken)
    });
    Prompt {
        system: SYSTEM.to_owned(),
        turns: turns(trimmed(before, room)),
        user: text.to_owned(),
    }
}

/// The newest turns that are no longer together.
fn trimmed(before: Vec<Said>, room: Option<u64>) -> Vec<Said> {
    let Some(mut room) = room else { return before };
    let mut kept: Vec<Said> = before
        .into_iter()
        .rev()
        .map_while(|said| {
            let tokens = estimated_tokens(&said.text) + estimated_tokens(&said.answer);
            room = room.checked_sub(tokens)?;
            Some(said)
        })
        .collect();
    kept.reverse();
    kept
}

fn turns(said: Vec<Said>) -> Vec<Turn> {
    let turn = |said: Said| {
        [(Role::User, said.text), (Role::Assistant, said.answer)]
            .map(|(role, content)| Turn { role, content })
    };
    said.into_iter().flat_map(turn).collect()
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::chat::PROMPT_BYTES;

    use super::*;

    fn said(text: &str) -> Said {
        Said {
            text: text.to_owned(),
            answer: "four".to_owned(),
        }
    }

    #[test]
    fn whole_turns_are_left_out_from_the_oldest_on() {
        let before = || vec![said(&"a".repeat(40)), said("bbbb"), said("cccc")];
        assert_eq!(trimmed(before(), None).len(), 3);
        assert_eq!(trimmed(before(), Some(15)).len(), 3);
        assert_eq!(trimmed(before(), Some(14)), [said("bbbb"), said("cccc")]);
        assert_eq!(trimmed(before(), Some(3)), [said("cccc")]);
        assert_eq!(trimmed(before(), Some(1)), []);
    }

    #[test]
    fn turns_alternate_and_the_instructions_are_as_long_as_is_paid_for() {
        let turns = turns(vec![said("one"), said("two")]);
        let roles: Vec<_> = turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::Assistant]);
        assert!(SYSTEM.len() as u64 <= PROMPT_BYTES);
    }
}
