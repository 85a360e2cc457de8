//! Workers that are killed while they work: every job is done, and told once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream};
use jobs_sweeper::sweep;
use lambent_runtime_api::{
    Function, FunctionConfig, Invoke, InvokeError, MappingConfig, TableStream, invoke_function, mapping,
};
use lambent_schema::{Trigger, background::JOBS_WORKER};
use lambent_store::{
    callers::{Ask, Credential, Decision},
    jobs::{JobStatus, TABLE},
    now_ms,
};
use lambent_tests::{processes::running, upstream::Answer};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{BUDGET, Cloud};

const JOBS: usize = 500;
const KILLS: usize = 20;
const SEED: u64 = 20_261_121;
/// How long a call of the model takes.
const ANSWER: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_jobs_are_done_once_while_workers_are_killed() {
    let cloud = Cloud::start().await;
    cloud
        .upstream
        .otherwise(Answer::number().paced(ANSWER, Duration::ZERO));
    let began = Instant::now();
    let stop = CancellationToken::new();
    let ends = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    watch(&cloud, Arc::clone(&ends), &stop).await;
    work(&cloud, &stop).await;

    let accepting = stream::iter(0..JOBS)
        .map(|number| cloud.accept(number))
        .buffered(50)
        .collect::<Vec<_>>();
    let (ids, killed) = futures::join!(accepting, kill());
    let accepted = began.elapsed();
    let mut attempts = BTreeMap::<u32, usize>::new();
    let (mut spent, mut most) = (0, 0);
    for (number, id) in ids.iter().enumerate() {
        let job = loop {
            let job = cloud.jobs.find(id).await.unwrap().unwrap();
            if job.status.is_ended() {
                break job;
            }
            assert!(began.elapsed() < Duration::from_secs(240), "{job:?}");
            sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(job.status, JobStatus::Succeeded, "{job:?}");
        // Its own result, not another one's.
        let result: Value = serde_json::from_str(&job.result.unwrap()).unwrap();
        assert_eq!(result["summary"], number.to_string());
        *attempts.entry(job.attempt).or_default() += 1;
        spent += job.cost_tokens;
        most = most.max(job.cost_tokens);
    }
    let took = began.elapsed();
    // What ended twice would be here twice.
    sleep(Duration::from_secs(1)).await;
    stop.cancel();
    let ends = ends.lock().unwrap().clone();
    assert_eq!(ends.len(), JOBS);
    assert!(ends.values().all(|count| *count == 1));
    let calls = usize::try_from(cloud.upstream.counts().requests).unwrap();
    println!(
        "seed {SEED}: {JOBS} jobs, {killed} workers killed (accepted and killed in {accepted:.1?}, all done after {took:.1?}); \
         {calls} calls of the model; jobs by attempts: {attempts:?}"
    );
    // What was reserved for the dead is there again. What was spent is not, but for those who died before they could settle
    // it; those who died between settling it and ending their job have paid for a call that no job tells of.
    let (unsettled, untold) = (most * killed as u64, most * (calls - JOBS) as u64);
    assert!(spent > unsettled && !can_pay(&cloud, BUDGET - spent + unsettled + 1).await);
    assert!(can_pay(&cloud, BUDGET - spent - untold).await);
    assert_eq!(killed, KILLS);
    assert!(calls >= JOBS && calls <= JOBS + killed, "{calls} calls");
}

/// Whether the caller can pay this, in millionths of a dollar, once the functions that died are surely gone.
async fn can_pay(cloud: &Cloud, amount: u64) -> bool {
    let price = |_: Option<u32>| amount;
    let now = now_ms() + 60_000;
    let ask = Ask {
        credential: Credential::Work {
            id: cloud.key.id(),
            limits: None,
        },
        scope: "",
        now_ms: now,
        price: Some(&price),
        until_ms: now + 1000,
        call: &format!("all-{amount}"),
    };
    let decision = cloud.database.callers().admit(&ask).await.unwrap();
    matches!(decision, Decision::Admitted(_))
}

/// Hands the stream to processes of the worker, as the contract says, and lets the sweeper look.
async fn work(cloud: &Cloud, stop: &CancellationToken) {
    let Trigger::Stream([trigger, ..]) = JOBS_WORKER.trigger else {
        unreachable!("the worker rides a stream")
    };
    let function = FunctionConfig {
        variables: cloud.variables(),
        timeout: Duration::from_secs(8),
        ..FunctionConfig::new(JOBS_WORKER.function, env!("CARGO_BIN_EXE_jobs-worker"))
    };
    let config = MappingConfig {
        filters: vec![serde_json::from_str(trigger.filter).unwrap()],
        batch_size: trigger.batch_size as usize,
        parallelization_factor: trigger.parallelization_factor as usize,
        maximum_retry_attempts: Some(trigger.maximum_retry_attempts),
        ..MappingConfig::new(function.arn())
    };
    run(cloud, config, invoke_function(Function::new(function)), stop).await;
    let (jobs, stop) = (cloud.jobs.clone(), stop.clone());
    let documents = cloud.database.store.documents().unwrap();
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            sweep(&jobs, &documents, now_ms()).await.unwrap();
        }
    }));
}

/// Counts how often each job's item says that it has succeeded.
async fn watch(cloud: &Cloud, ends: Arc<Mutex<BTreeMap<String, u32>>>, stop: &CancellationToken) {
    let config = MappingConfig {
        filters: vec![json!({"dynamodb": {"NewImage": {"status": {"S": ["succeeded"]}}}})],
        ..MappingConfig::new("watch")
    };
    let count: Invoke = Arc::new(
        move |event: Bytes| -> BoxFuture<'static, Result<Bytes, InvokeError>> {
            let event: Value = serde_json::from_slice(&event).unwrap();
            for record in event["Records"].as_array().unwrap() {
                let id = record["dynamodb"]["NewImage"]["id"]["S"].as_str().unwrap();
                *ends.lock().unwrap().entry(id.to_owned()).or_default() += 1;
            }
            Box::pin(async { Ok(Bytes::from_static(b"{}")) })
        },
    );
    run(cloud, config, count, stop).await;
}

async fn run(cloud: &Cloud, config: MappingConfig, invoke: Invoke, stop: &CancellationToken) {
    let endpoint = cloud.database.config.endpoint.clone().unwrap();
    let source = TableStream::find(&endpoint, "local", TABLE.name).await.unwrap();
    let on_failure = Arc::new(|given_up: Value| println!("given up: {given_up}"));
    tokio::spawn(mapping(config, source, invoke, on_failure, stop.clone()).unwrap());
}

/// Kills workers that run, at times and of a choice that the seed gives; returns how many.
async fn kill() -> usize {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut killed = 0;
    while killed < KILLS {
        sleep(Duration::from_millis(random.random_range(50..400))).await;
        let workers = running(JOBS_WORKER.function);
        if workers.is_empty() {
            continue;
        }
        let pid = workers[random.random_range(0..workers.len())];
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        killed += usize::from(rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok());
    }
    killed
}
