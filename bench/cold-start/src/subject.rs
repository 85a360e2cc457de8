//! What is measured: our functions, the least that a Rust function can be, and FastAPI.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use http_body_util::BodyExt as _;
use lambent_runtime_api::{Function, FunctionConfig, Output, into_response};

use crate::{Arguments, cloud::Cloud, quota::Quota};

/// One thing to start.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    event: String,
    verbose: bool,
    /// What is deployed: a binary, or folders of Python.
    package: Vec<PathBuf>,
}

/// One cold start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Until the process asked for its event.
    pub(crate) init: Duration,
    /// Until the last byte of its answer.
    pub(crate) answered: Duration,
    /// The process's memory after it.
    pub(crate) rss_bytes: u64,
}

/// The subjects, in the order of the table.
pub(crate) fn all(arguments: &Arguments) -> anyhow::Result<Vec<Subject>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let event = |name: &str| {
        let file = root.join(format!("events/{name}.json"));
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    };
    let rust = |name: &str, event: String| {
        let program = arguments.functions.join(name).canonicalize();
        let program = program.with_context(|| format!("{name} in {}", arguments.functions.display()))?;
        anyhow::Ok(Subject {
            name: format!("`{name}`"),
            package: vec![program.clone()],
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
            event,
            verbose: arguments.verbose,
        })
    };
    let mut subjects = vec![rust("hello", event("health")?)?];
    for name in ["health", "docs", "analyse", "analyse-stream"] {
        subjects.push(rust(name, event(name)?)?);
    }
    if let Some(python) = &arguments.python {
        let verbose = arguments.verbose;
        let app = root.join("bench/fastapi").canonicalize()?;
        let packages = site_packages(python)?;
        let fastapi = |how: &str, route: &str, program: PathBuf, arguments: Vec<String>| {
            anyhow::Ok(Subject {
                name: format!("FastAPI with {how}, {route}"),
                program,
                arguments,
                variables: [
                    ("PYTHONPATH", app.display().to_string()),
                    ("AWS_LWA_PORT", "8080".to_owned()),
                ]
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
                event: event(route)?,
                verbose,
                package: vec![packages.clone(), app.join("app.py")],
            })
        };
        for route in ["health", "analyse"] {
            let mangum = ["-m", "awslambdaric", "app.handler"].map(str::to_owned).to_vec();
            subjects.push(fastapi("Mangum", route, python.clone(), mangum)?);
            if let Some(adapter) = &arguments.adapter {
                let server = app.join("server.py").display().to_string();
                let adapter = vec![server, adapter.display().to_string()];
                subjects.push(fastapi("the Lambda Web Adapter", route, python.clone(), adapter)?);
            }
        }
    }
    Ok(subjects)
}

fn site_packages(python: &Path) -> anyhow::Result<PathBuf> {
    let asked = ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"];
    let output = std::process::Command::new(python).args(asked).output()?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

impl Subject {
    /// One cold start.
    pub(crate) async fn run(
        &self,
        cloud: &Cloud,
        quota: Option<&Quota>,
        is_tls: bool,
    ) -> anyhow::Result<Run> {
        let mut config = FunctionConfig::new(self.name.clone(), self.program.clone());
        config.arguments = self.arguments.clone();
        config.variables = cloud.variables(is_tls);
        config.variables.extend(self.variables.iter().cloned());
        config.timeout = Duration::from_secs(60);
        config.init_timeout = Duration::from_secs(60);
        config.output = if self.verbose {
            Output::Inherit
        } else {
            Output::Discard
        };
        if let Some(quota) = quota {
            // The shell enters the group and becomes the program.
            let program = std::mem::replace(&mut config.program, "/bin/sh".into());
            let mut arguments = ["-c", r#"echo $$ > "$0" && exec "$@""#]
                .map(str::to_owned)
                .to_vec();
            arguments.extend([quota.entrance().await?, program].map(|path| path.display().to_string()));
            arguments.append(&mut config.arguments);
            config.arguments = arguments;
        }
        let function = Function::new(config);
        let began = Instant::now();
        let response = into_response(function.invoke(self.event.clone()).await?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let answered = began.elapsed();
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        let failed = body.windows(12).any(|window| window == b"event: error");
        ensure!(!failed, "{}", String::from_utf8_lossy(&body));
        let environment = loop {
            if let Some(environment) = function.idle().first() {
                break *environment;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        Ok(Run {
            init: environment.init,
            answered,
            rss_bytes: rss_bytes(environment.pid)?,
        })
    }

    /// The package as it is uploaded: compressed. `None` if it cannot be read.
    pub(crate) fn package_bytes(&self) -> Option<u64> {
        let mut tar = std::process::Command::new("tar");
        tar.args([
            "-c",
            "-z",
            "--exclude=__pycache__",
            "--exclude=pip*",
            "--exclude=setuptools*",
        ]);
        tar.args(&self.package)
            .env("GZIP", "-9")
            .stderr(std::process::Stdio::null());
        u64::try_from(tar.output().ok()?.stdout.len()).ok()
    }
}

fn rss_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .context("VmRSS")?;
    Ok(kilobytes * 1024)
}
