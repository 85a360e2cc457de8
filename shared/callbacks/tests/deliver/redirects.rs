//! Redirects, which would lead around every check: failures that say so.

use crate::receiver::{Answer, Bystander};
use crate::{failed, outcome_of};

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let bystander = Bystander::start().await;
    for status in [301, 302, 303, 307, 308] {
        let place = format!("http://{}/inside", bystander.address);
        let (outcome, receiver) = outcome_of(Answer::Redirect(status, place)).await;
        let why = format!("the server answered with status {status}: redirects are not followed");
        assert_eq!(outcome, failed(Some(status), &why, false));
        assert_eq!(receiver.received().len(), 1);
    }
    assert_eq!(bystander.connections().await, 0);
}

#[tokio::test]
async fn not_even_to_the_same_server() {
    let (outcome, receiver) = outcome_of(Answer::Redirect(307, "/elsewhere".to_owned())).await;
    let why = "the server answered with status 307: redirects are not followed";
    assert_eq!(outcome, failed(Some(307), why, false));
    assert_eq!(receiver.received().len(), 1);
}
