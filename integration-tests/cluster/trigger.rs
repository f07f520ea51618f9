//! Triggers against the real Hive and MariaDB: events once, with consent, however often a run is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::stack::{address, python, root, sakia, setting, tool, unique};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Scene {
    name: String,
    dir: tempfile::TempDir,
}

impl Scene {
    fn set(step: &str) -> Self {
        let scene = Self { name: unique("it_trigger"), dir: tempfile::tempdir().unwrap() };
        tool("mariadb", &["-e", &format!("CREATE DATABASE {}", scene.name)]);
        let servers = format!(
            "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = '{name}'\n\
             password-file = '{root}/docker/shop.password'\n[hiveserver2]\nurl = 'jdbc:hive2://{hive}'\nuser = 'root'\n\
             [[step]]\ntype = 'trigger'\nquery-file = 'query.hql'\nconsent-file = 'consent.hql'\noutbox = 'crm_events'\n",
            port = setting("MARIADB_PORT"),
            name = scene.name,
            root = root().display(),
            hive = address("HIVESERVER2_PORT"),
        );
        std::fs::write(scene.path().join("trigger.toml"), servers + step).unwrap();
        scene
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What the query and the consent give from now on.
    fn rows(&self, rows: &[(&str, u32)], consent: &[u32]) {
        let row =
            |(key, customer): &(&str, u32)| format!("struct('{key}', {customer}, cast({customer}.50 as decimal(9,2)))");
        let rows: Vec<String> = rows.iter().map(row).collect();
        let consent: Vec<String> = consent.iter().map(|customer| format!("struct({customer})")).collect();
        let write = |file: &str, rows: &[String], columns: &str| {
            let text = format!("-- ours\nselect inline(array({})) as ({columns});\n", rows.join(", "));
            std::fs::write(self.path().join(file), text).unwrap();
        };
        write("query.hql", &rows, "cart_id, customer_id, value");
        write("consent.hql", &consent, "customer_id");
    }

    fn start(&self) -> Child {
        let mut command = sakia();
        command.args(["trigger", "trigger.toml", "--output", "json"]).current_dir(self.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Exit code, the step's summary, and what was said.
    fn run(&self) -> (Option<i32>, Value, String) {
        let done = self.start().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let summary: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
        (done.status.code(), summary["steps"][0].clone(), said)
    }

    fn outbox(&self, columns: &str) -> Vec<String> {
        let sql = format!("select {columns} from {}.crm_events order by seq", self.name);
        let printed = tool("mariadb", &["--batch", "--skip-column-names", "-e", &sql]);
        String::from_utf8(printed).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            tool("mariadb", &["-e", &format!("DROP DATABASE {}", self.name)]);
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Asked {
    headers: BTreeMap<String, String>,
    body: String,
}

/// A receiver that keeps what comes. The request of this number (from 1) gets no answer until it is let go.
#[derive(Default)]
struct Receiver {
    asked: Mutex<Vec<Asked>>,
    holds: Mutex<usize>,
    came: Condvar,
}

impl Receiver {
    fn open(holds: usize) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Arc::new(Self { holds: Mutex::new(holds), ..Self::default() });
        let all = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (receiver, stream) = (all.clone(), stream.unwrap());
                std::thread::spawn(move || receiver.serve(stream));
            }
        });
        (receiver, url)
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut headers = BTreeMap::new();
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                headers.insert(name.to_lowercase(), value.to_owned());
            }
            let mut body = vec![0; headers["content-length"].parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let asked = Asked { headers, body: String::from_utf8(body).unwrap() };
            let refused = asked.body.contains("\"customer_id\":422");
            let number = {
                let mut all = self.asked.lock().unwrap();
                all.push(asked);
                all.len()
            };
            self.came.notify_all();
            if number == *self.holds.lock().unwrap() {
                return std::thread::sleep(Duration::from_secs(600));
            }
            let answer = if refused {
                "422 No\r\nContent-Length: 7\r\n\r\nno such"
            } else {
                "200 OK\r\nContent-Length: 0\r\n\r\n"
            };
            if stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).is_err() {
                return;
            }
        }
    }

    fn wait_for(&self, count: usize) {
        let asked = self.asked.lock().unwrap();
        let waited = self.came.wait_timeout_while(asked, Duration::from_secs(60), |asked| asked.len() < count);
        assert!(!waited.unwrap().1.timed_out(), "no request {count}");
    }

    fn all(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// The third of five requests is never answered: the run is killed, and the next one goes on with the same event.
#[test]
fn a_webhook_gets_each_event_once_though_the_run_is_killed() {
    let (receiver, url) = Receiver::open(3);
    let scene = Scene::set(&format!(
        "name = 'carts'\nkey = ['cart_id']\nsubject = 'customer_id'\nmax-events = 5\n\
         webhook = {{ url = '{url}', secret-file = 'hook.secret' }}\n"
    ));
    std::fs::write(scene.path().join("hook.secret"), format!("{SECRET}\n")).unwrap();
    let carts = [("c1", 1), ("c2", 2), ("c3", 3), ("c\\'4", 422), ("c\\\\5", 5), ("c6", 6)];
    scene.rows(&carts, &[1, 2, 3, 422, 5]);
    let mut first = scene.start();
    receiver.wait_for(3);
    // While it works nobody else does.
    let (code, _, said) = scene.run();
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("another run works on trigger carts"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(scene.outbox("delivered_at is not null"), ["1", "1", "0", "0", "0"]);

    let (code, step, said) = scene.run();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((step["rows-out"].as_u64(), step["rejects"].as_u64()), (Some(0), Some(2)), "{step}");
    assert_eq!(step["detail"], "2 events handed over, 1 without consent, 1 refused");
    assert_eq!(
        scene.outbox("delivered_at is not null, refused_at is not null, last_error")[3],
        "0\t1\tstatus 422 no such"
    );
    let (_, step, _) = scene.run();
    assert_eq!((step["outcome"].as_str(), step["rejects"].as_u64()), (Some("unchanged"), Some(1)), "{step}");

    let all = receiver.all();
    let mut bodies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for asked in &all {
        bodies.entry(&asked.headers["webhook-id"]).or_default().push(&asked.body);
        assert_eq!(asked.headers["webhook-id"], asked.headers["idempotency-key"]);
    }
    assert_eq!((all.len(), bodies.len()), (6, 5), "one event was on its way when the run was killed");
    assert!(bodies.values().all(|of_one| of_one.iter().all(|body| *body == of_one[0])));
    let keys: BTreeSet<String> = bodies
        .values()
        .map(|of_one| {
            let body: Value = serde_json::from_str(of_one[0]).unwrap();
            assert_eq!((body["event"].as_str(), body["trigger"].as_str()), (Some("fired"), Some("carts")));
            body["key"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(keys, BTreeSet::from(["c1", "c2", "c3", "c'4", "c\\5"].map(str::to_owned)));
    // A receiver in Python checks the signature as the specification says.
    for asked in &all {
        let text = |name: &str| asked.headers[name].as_str();
        let signed = python(
            "import base64, hashlib, hmac\n\
             key = base64.b64decode(args[0].removeprefix('whsec_'))\n\
             told = hmac.new(key, f'{args[1]}.{args[2]}.{args[3]}'.encode(), hashlib.sha256).digest()\n\
             print('v1,' + base64.b64encode(told).decode())",
            &[SECRET, text("webhook-id"), text("webhook-timestamp"), &asked.body],
        );
        assert_eq!(signed.trim(), text("webhook-signature"));
    }

    // More than was asked for is not written at all.
    let many: Vec<String> = (10..20).map(|n| format!("d{n}")).collect();
    let many: Vec<(&str, u32)> = many.iter().zip(10..).map(|(key, n)| (key.as_str(), n)).collect();
    scene.rows(&many, &(10..20).collect::<Vec<_>>());
    let (code, _, said) = scene.run();
    assert_eq!((code, scene.outbox("1").len()), (Some(1), 5), "{said}");
    assert!(said.contains("10 events at once, and max-events is 5"), "{said}");
}

/// A segment that changes, and runs that are killed at all moments: the lines of all files add up to who is in it.
#[test]
fn files_tell_a_segment_however_often_runs_are_killed() {
    let scene = Scene::set("name = 'gold'\non = 'membership'\nkey = ['customer_id']\nfile-dir = 'events'\n");
    let rows = |of: &[u32]| of.iter().map(|n| ("x", *n)).collect::<Vec<_>>();
    let days: [(&[u32], &[u32]); 4] = [
        (&[1, 2, 3, 9], &[1, 2, 3]),
        (&[2, 3, 4], &[1, 2, 3, 4]),
        // 2 takes consent back.
        (&[1, 2, 3, 4], &[1, 3, 4]),
        (&[5], &[1, 2, 3, 4, 5]),
    ];
    let mut pause_ms = 60;
    for (segment, consent) in days {
        scene.rows(&rows(segment), consent);
        for _ in 0..4 {
            let mut run = scene.start();
            std::thread::sleep(Duration::from_millis(pause_ms));
            pause_ms = 60 + (pause_ms * 7 + 130) % 900;
            run.kill().unwrap();
            run.wait().unwrap();
        }
        let (code, _, said) = (0..20)
            .map(|_| scene.run())
            // The server notices a moment later that the killed one is gone.
            .inspect(|(code, ..)| {
                if *code == Some(75) {
                    std::thread::sleep(Duration::from_millis(250))
                }
            })
            .find(|(code, ..)| *code != Some(75))
            .unwrap();
        assert_eq!(code, Some(0), "{said}");
        let inside = told(scene.path());
        let expected: BTreeSet<String> = segment.iter().filter(|n| consent.contains(n)).map(u32::to_string).collect();
        assert_eq!(inside, expected);
    }
    let (_, step, _) = scene.run();
    assert_eq!(step["outcome"], "unchanged", "{step}");
    let waiting = scene.outbox("delivered_at is null");
    assert!(waiting.len() == 11 && waiting.iter().all(|w| w == "0"), "{waiting:?}");
}

/// Who is in the segment by the lines of all files in the order of their events; no id comes twice.
fn told(dir: &Path) -> BTreeSet<String> {
    let (mut ids, mut events) = (BTreeSet::new(), BTreeMap::new());
    for file in std::fs::read_dir(dir.join("events")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let event: Value = serde_json::from_str(line).unwrap();
                assert!(ids.insert(event["id"].to_string()), "{line} came twice");
                events.insert((event["at"].to_string(), events.len()), event);
            }
        }
    }
    let mut inside = BTreeSet::new();
    for event in events.values() {
        let key = event["key"].as_str().unwrap().to_owned();
        match event["event"].as_str().unwrap() {
            "entered" => assert!(event["data"]["value"].is_string() && inside.insert(key), "{event}"),
            _ => assert!(event["reason"].is_string() && inside.remove(&key), "{event}"),
        }
    }
    inside
}
