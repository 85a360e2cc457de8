//! Who pays for a job, and whether they can.

use lambent_schema::{Problem, ProblemCode};
use lambent_service::{Hold, call::gone_by_ms};
use lambent_store::{
    Refusal, StoreError,
    callers::{Ask, Credential, Decision},
    jobs::Job,
    now_ms,
};
use tokio::time::Instant;

use crate::{Worker, work::Attempt};

/// What a job may cost.
pub(crate) struct Paid {
    /// The money that is reserved for it.
    pub(crate) hold: Option<Hold>,
    /// The most tokens of an answer: the caller's limit of when the job was accepted, or that of now, whichever is less.
    pub(crate) max_output_tokens: Option<u32>,
}

impl Worker {
    /// Reserves the most that a job can cost, by its caller's own limit of output tokens; or says why that cannot be.
    pub(crate) async fn reserve(
        &self,
        job: &Job,
        price: &(dyn Fn(Option<u32>) -> u64 + Sync),
        deadline: Instant,
    ) -> Result<Result<Paid, Attempt>, StoreError> {
        let ask = Ask {
            credential: Credential::Work {
                id: job.caller.as_str(),
                limits: job.caller.is_of_a_token().then_some(&self.token_limits),
            },
            scope: "",
            now_ms: now_ms(),
            price: Some(price),
            until_ms: gone_by_ms(deadline),
            call: &format!("{}-{}", job.id, job.attempt),
        };
        Ok(match self.callers.admit(&ask).await? {
            Decision::Refused(refusal) => Err(refused(&refusal)),
            Decision::Admitted(admission) => {
                let limits = [job.max_output_tokens, admission.limits.max_output_tokens];
                Ok(Paid {
                    hold: admission.held.map(|held| Hold::new(self.callers.clone(), held)),
                    max_output_tokens: limits.into_iter().flatten().min(),
                })
            }
        })
    }
}

/// What becomes of a job that cannot be paid for.
fn refused(refusal: &Refusal) -> Attempt {
    match refusal {
        refusal if refusal.is_for_now() => Attempt::Later,
        Refusal::Budget { .. } => Attempt::Final(Problem::new(
            ProblemCode::BudgetExceeded,
            "When the job was to be done, what was left of the month's budget did not cover the most that it can cost.",
        )),
        _ => Attempt::Final(Problem::new(
            ProblemCode::Unauthenticated,
            "When the job was to be done, the credentials that it was accepted with were not valid any more.",
        )),
    }
}
