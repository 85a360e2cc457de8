//! Holds `template.yaml` true: routes, triggers, timeouts, permissions, variables, keys and alarms are compared with the code they are for.
//!
//! What is compared is the template as CloudFormation gets it, after AWS's own translation (`tests/sam/transform.py`). That
//! needs Python with `tests/sam/requirements.txt`: `LAMBENT_PYTHON` names it (default `python3`). Without it these tests
//! say so and pass, except where `CI=true` or `LAMBENT_REQUIRE_SAM=1` is set.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod alarms;
mod background;
mod functions;
mod gateway;
mod kinds;
mod rights;
mod routes;
mod table;
mod translated;
