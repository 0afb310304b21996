//! What the promises are tested with: a sandbox with a data folder, the real program, a running server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::agui_rules::broken_rule;
use super::backend::Backend;

/// A temporary place with documents and a data folder of its own.
pub struct Sandbox {
    place: Arc<tempfile::TempDir>,
    environment: Vec<(&'static str, String)>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { place: Arc::new(tempfile::tempdir().unwrap()), environment: Vec::new() }
    }

    /// The same place with another database or vector index.
    pub fn on(mut self, backend: &Backend) -> Self {
        self.environment = backend.environment();
        self
    }

    /// The same documents and database for a process with a data folder of its own.
    pub fn replica(&self, data: &str) -> Self {
        let mut environment = self.environment.clone();
        environment.push(("IBID_DATA", data.to_owned()));
        Self { place: Arc::clone(&self.place), environment }
    }

    /// A sandbox with a few English and Korean documents.
    pub fn with_documents() -> Self {
        let sandbox = Self::new();
        sandbox.write("docs/otters.md", "# Otters\n\nOtters hold hands while they sleep. They eat crabs.\n\n## Rivers\n\nA river otter can hold its breath for eight minutes.\n");
        sandbox.write("docs/ko/cats.md", "# 고양이\n\n고양이는 하루에 열여섯 시간을 잔다. 고양이는 물을 싫어한다.\n\n## 먹이\n\n고양이는 참치를 좋아한다.\n");
        sandbox.write("docs/tower.html", "<html><head><title>The tower</title></head><body><h1>The tower</h1><p>The tower in Seoul is 236 metres tall. It stands on a hill.</p></body></html>");
        sandbox.write(
            "docs/code/main.rs",
            "/// Adds two numbers.\nfn add(left: u32, right: u32) -> u32 {\n    left + right\n}\n",
        );
        sandbox.write("docs/notes.txt", "The meeting about the bridge is on Tuesday in the large room.\n");
        sandbox
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    pub fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The program, with hashed words in the place of a model, so that a test does not wait for one.
    pub fn ibid(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.current_dir(self.place.path()).args(args).env("IBID_EMBEDDER", "hashing");
        command.envs(self.environment.iter().cloned());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.ibid(args).output().unwrap()
    }

    /// Standard output of a run that has to end well.
    pub fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a run that has to fail: one line.
    pub fn refusal(&self, args: &[&str]) -> String {
        refusal(self.ibid(args))
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(self.stdout(&args).lines().last().unwrap()).unwrap()
    }

    /// The URIs that a search finds, best first.
    pub fn found(&self, query: &str, mode: &str) -> Vec<String> {
        uris(&self.json(&["search", query, "--mode", mode]))
    }

    /// Ingests `docs` and gives the exit code.
    pub fn ingest(&self) -> i32 {
        let output = self.run(&["ingest", "docs"]);
        let code = output.status.code();
        let whole = code.filter(|code| *code == 0 || *code == 3);
        whole.unwrap_or_else(|| panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// What `doctor` finds wrong with the database and the two indexes; nothing when both are equal to the truth.
    pub fn faults(&self) -> Vec<String> {
        let output = self.run(&["doctor", "--json"]);
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let finding = |what: &str| findings.as_array().unwrap().iter().find(|f| f["what"] == what).unwrap().clone();
        let looked_at = ["database", "keyword index", "vector index"].map(finding);
        looked_at.iter().filter(|finding| finding["well"] != true).map(Value::to_string).collect()
    }

    /// Both indexes are equal to the truth.
    pub fn is_consistent(&self) -> bool {
        let faults = self.faults();
        faults.iter().for_each(|fault| eprintln!("{fault}"));
        faults.is_empty()
    }

    pub fn serve(&self) -> Server {
        Server::start(self.ibid(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

/// The program with an environment of its own.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibid"));
    let ours = [
        "IBID_DATA",
        "IBID_FAULT_AT",
        "IBID_FAULT_PART",
        "DATABASE_URL",
        "IBID_VECTOR",
        "QDRANT_URL",
        "QDRANT_API_KEY",
        "HF_ENDPOINT",
        "IBID_CHAT_FALLBACK_API_KEY",
    ];
    for name in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL", "IBID_RERANK_API_KEY"].iter().chain(&ours) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The URIs of an answer to a search, best first.
pub fn uris(found: &Value) -> Vec<String> {
    let hits = found["hits"].as_array().unwrap_or_else(|| panic!("{found}"));
    hits.iter().map(|hit| hit["uri"].as_str().unwrap().to_owned()).collect()
}

/// Standard error of a command that has to fail with one line.
pub fn refusal(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.lines().count() == 1, "{:?}: {said}", output.status.code());
    said
}

/// Looks until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a future in a test without a runtime.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A running process, which ends with the test.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running server, which ends with the test.
pub struct Server {
    process: Running,
    pub base_url: String,
}

impl Server {
    /// Starts `command`, which has to say on standard error or output where it serves.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let base_url = loop {
            let line = lines.next().expect("the server ended before it served").unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                break format!("http://{}", rest.split('/').next().unwrap());
            }
        };
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process: Running(child), base_url }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// Status and body of a GET.
    pub fn get(&self, path: &str) -> (u16, Value) {
        wait_for(answer(http().get(self.url(path))))
    }

    /// Status and body of a GET in a test with a runtime.
    pub async fn read(&self, path: &str) -> (u16, Value) {
        answer(http().get(self.url(path))).await
    }

    /// Asks the process to stop.
    pub fn terminate(&self) {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Status and body of a POST.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(http().post(self.url(path)).json(body)).await
    }

    /// Status and body of a search.
    pub fn search(&self, query: &str, mode: &str) -> (u16, Value) {
        let body = serde_json::json!({"query": query, "mode": mode, "k": 5});
        wait_for(self.post("/v1/search", &body))
    }

    /// The URIs that a search finds, best first.
    pub fn found(&self, query: &str, mode: &str) -> Vec<String> {
        let (status, found) = self.search(query, mode);
        assert_eq!(status, 200, "{found}");
        uris(&found)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// An HTTP client that keeps redirects to itself.
pub fn http() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

/// The AG-UI events of a run, without its comments. They break no rule of the protocol.
pub async fn events(server: &Server, body: &Value) -> Vec<Value> {
    let response = http().post(server.url("/api/agent")).json(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let text = response.text().await.unwrap();
    let data = text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
    let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    assert_eq!(broken_rule(&events, body.get("protocolVersion").is_some()), None);
    events
}

/// A run's input with one question, in a thread of its own.
pub fn question(text: &str) -> Value {
    serde_json::json!({
        "threadId": uuid::Uuid::now_v7().to_string(), "runId": uuid::Uuid::now_v7().to_string(), "protocolVersion": "1.0",
        "messages": [{"id": "m1", "role": "user", "content": text}],
        "tools": [], "context": [], "state": {}, "forwardedProps": {},
    })
}

/// A folder or file that `cargo xtask test` prepares.
pub fn prepared(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"));
    let path = PathBuf::from(value);
    assert!(path.exists(), "{variable} names {}, which is not there: run `cargo xtask test`", path.display());
    path
}

/// Runs a Node script of `agui/` and wants it to end well.
pub fn node(script: &str, args: &[&str]) -> String {
    let folder = prepared("IBID_TEST_NODE");
    let output = Command::new("node")
        .arg(Path::new(&folder).join(script))
        .args(args)
        .env("IBID_TEST_CHROMIUM", std::env::var_os("IBID_TEST_CHROMIUM").unwrap_or_default())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {args:?}: {said}");
    said
}

/// Runs Python with the prepared packages and wants it to end well.
pub fn python(args: &[&str]) -> String {
    let output = Command::new("python3")
        .args(args)
        .env("PYTHONPATH", prepared("IBID_TEST_PYTHON"))
        .env("PYTHONNOUSERSITE", "1")
        .env("PYTHONUTF8", "1")
        .env("NO_PROXY", "*")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "python3 {args:?}: {said}");
    said
}

/// A script of `python/`.
pub fn python_script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/python").join(name);
    path.to_string_lossy().into_owned()
}
