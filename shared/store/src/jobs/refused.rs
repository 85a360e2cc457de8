//! Why the transaction that creates a job was cancelled.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use super::{Created, NewJob};
use crate::item::Item;

/// The places of the job and of its key's record in the transaction, and so in the reasons. In the record's place is a part of the input
/// where there is no key, which has no condition that could fail.
const JOB: usize = 0;
const RECORD: usize = 2;

/// Why a job has not been created.
#[derive(Debug)]
pub(super) enum Refused {
    /// Because it need not, or must not be.
    Because(Created),
    /// Others write the same items; a moment later it is known what they wrote.
    Meanwhile,
    /// Something failed.
    Other(Box<SdkError<TransactWriteItemsError>>),
}

pub(super) fn refused(error: SdkError<TransactWriteItemsError>, job: &NewJob) -> Refused {
    let known = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            judge(cancelled.cancellation_reasons(), job)
        }
        // An attempt whose answer is lost is not through yet.
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => Some(Refused::Meanwhile),
        _ => None,
    };
    known.unwrap_or_else(|| Refused::Other(Box::new(error)))
}

/// Reads the reasons of a cancelled transaction, one for each item; `None` if they are none that are expected.
fn judge(reasons: &[CancellationReason], job: &NewJob) -> Option<Refused> {
    let is = |reason: &CancellationReason, code| reason.code() == Some(code);
    let failed = |reason: &&CancellationReason| is(reason, "ConditionalCheckFailed");
    // Ids are not used twice: what is there is this very job, created by an attempt whose answer was lost.
    if reasons.get(JOB).filter(failed).is_some() {
        return Some(Refused::Because(Created::New));
    }
    if let Some(reason) = reasons.get(RECORD).filter(failed) {
        return found(reason.item()?, job).map(Refused::Because);
    }
    reasons
        .iter()
        .any(|reason| is(reason, "TransactionConflict"))
        .then_some(Refused::Meanwhile)
}

/// What a job is to the record that is there of its key.
fn found(record: &Item, job: &NewJob) -> Option<Created> {
    let get = |name: &str| record.get(name)?.as_s().ok();
    let (job_id, body_hash) = (get("job_id")?, get("body_hash")?);
    if *job_id == job.id {
        return Some(Created::New);
    }
    if *body_hash == job.idempotency.as_ref()?.body_hash {
        let job_id = job_id.clone();
        return Some(Created::Replayed { job_id });
    }
    Some(Created::OtherBody)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::CallerId;
    use crate::jobs::{Idempotency, JobKind};

    fn job() -> NewJob {
        NewJob {
            id: "mine".to_owned(),
            kind: JobKind::Analysis,
            caller: CallerId::for_operator("alice"),
            request_id: "r1".to_owned(),
            max_output_tokens: None,
            input: "{}".to_owned(),
            callback_url: None,
            idempotency: Some(Idempotency {
                key_hash: "key".to_owned(),
                body_hash: "body".to_owned(),
            }),
            now_ms: 0,
        }
    }

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    /// The record of the key is of this job, whose request had this body.
    fn taken(job_id: &str, body_hash: &str) -> [CancellationReason; 3] {
        let record = CancellationReason::builder()
            .code("ConditionalCheckFailed")
            .item("job_id", AttributeValue::S(job_id.to_owned()))
            .item("body_hash", AttributeValue::S(body_hash.to_owned()));
        [reason("None"), reason("None"), record.build()]
    }

    fn because(reasons: &[CancellationReason]) -> Created {
        match judge(reasons, &job()) {
            Some(Refused::Because(created)) => created,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_s_record_says_whether_it_is_the_same_request() {
        let replayed = Created::Replayed {
            job_id: "other".to_owned(),
        };
        assert_eq!(because(&taken("other", "body")), replayed);
        assert_eq!(because(&taken("other", "another")), Created::OtherBody);
    }

    #[test]
    fn what_an_attempt_with_a_lost_answer_wrote_is_the_new_job() {
        assert_eq!(because(&taken("mine", "body")), Created::New);
        let [_, none, record] = taken("mine", "body");
        let reasons = [reason("ConditionalCheckFailed"), none, record];
        assert_eq!(because(&reasons), Created::New);
    }

    #[test]
    fn a_conflict_is_tried_again_and_anything_else_is_an_error() {
        let conflict = [reason("None"), reason("None"), reason("TransactionConflict")];
        assert!(matches!(judge(&conflict, &job()), Some(Refused::Meanwhile)));
        for code in ["ThrottlingError", "ValidationError"] {
            let reasons = [reason("None"), reason(code), reason("None")];
            assert!(judge(&reasons, &job()).is_none(), "{code}");
        }
        assert!(judge(&[], &job()).is_none());
    }
}
