//! What was said before a question: as what is looked for, and as a model takes it.

use lambent_llm::{Role, Turn};
use lambent_schema::endpoints::ask::{self, AskRequest};

use crate::marks;

/// The most characters that a turn before adds to what is looked for: embeddings of long texts are near to everything, and small
/// models read a few hundred words.
const MOST_OF_A_TURN: usize = 500;

/// What to look for: the question, and what was asked before it, since "and when does it arrive?" alone finds nothing.
#[must_use]
pub fn looked_for(request: &AskRequest) -> String {
    let mut asked_before = request.history.iter().rev();
    let before = asked_before.find(|turn| turn.role == ask::Role::User);
    let mut text = request.question.trim().to_owned();
    if let Some(turn) = before {
        text.push('\n');
        text.extend(turn.content.trim().chars().take(MOST_OF_A_TURN));
    }
    text
}

/// The turns before the question, and the question. They alternate, begin with one of the user's and end with one of the model's, since
/// some providers refuse anything else: turns of one side are joined, what the model said first is left out, and what the user said
/// last is part of the question. Marks of citations are left out too: they are the numbers of other sources.
pub(crate) fn turns(request: &AskRequest) -> (Vec<Turn>, String) {
    let mut turns: Vec<Turn> = Vec::new();
    for said in &request.history {
        let (role, content) = match said.role {
            ask::Role::User => (Role::User, said.content.clone()),
            ask::Role::Assistant => (Role::Assistant, marks::without(&said.content, 0).0),
        };
        match turns.last_mut() {
            Some(last) if last.role == role => {
                last.content.push('\n');
                last.content.push_str(&content);
            }
            None if role == Role::Assistant => {}
            _ => turns.push(Turn { role, content }),
        }
    }
    let mut question = request.question.trim().to_owned();
    if let Some(unanswered) = turns.pop_if(|last| last.role == Role::User) {
        question = format!("{}\n{question}", unanswered.content.trim());
    }
    (turns, question)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn with(history: &[(ask::Role, &str)]) -> AskRequest {
        let turn = |(role, content): &(ask::Role, &str)| ask::Turn {
            role: *role,
            content: (*content).to_owned(),
        };
        AskRequest {
            history: history.iter().map(turn).collect(),
            ..testing::question(" And when does it arrive? ")
        }
    }

    fn told(request: &AskRequest) -> (Vec<(bool, String)>, String) {
        let (turns, question) = turns(request);
        let told = turns
            .into_iter()
            .map(|turn| (turn.role == Role::User, turn.content));
        (told.collect(), question)
    }

    #[test]
    fn what_was_asked_before_is_looked_for_too() {
        use ask::Role::{Assistant, User};
        assert_eq!(looked_for(&with(&[])), "And when does it arrive?");
        let request = with(&[
            (User, "Who are you?"),
            (User, "When does the train leave?"),
            (Assistant, "At 21:40."),
        ]);
        assert_eq!(
            looked_for(&request),
            "And when does it arrive?\nWhen does the train leave?"
        );
        let long = with(&[(User, &"é".repeat(4000))]);
        assert_eq!(looked_for(&long).chars().count(), 24 + 1 + MOST_OF_A_TURN);
    }

    #[test]
    fn turns_alternate_from_the_user_to_the_model() {
        use ask::Role::{Assistant, User};
        let request = with(&[
            (Assistant, "Hello."),
            (User, "One."),
            (User, "Two."),
            (Assistant, "Three [1, 2]."),
            (Assistant, "Four [7]."),
            (User, "Five."),
        ]);
        let expected = [
            (true, "One.\nTwo.".to_owned()),
            (false, "Three.\nFour.".to_owned()),
        ];
        assert_eq!(
            told(&request),
            (expected.to_vec(), "Five.\nAnd when does it arrive?".to_owned())
        );
        let greeted = told(&with(&[(Assistant, "Hello.")]));
        assert_eq!(greeted, (Vec::new(), "And when does it arrive?".to_owned()));
    }
}
