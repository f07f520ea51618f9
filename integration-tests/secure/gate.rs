//! A gate before a server, in the test's own process: it can be shut and opened again, counts the calls that go through,
//! may do something in the middle of them, and may lose the answer to one. Beside it, addresses of servers that are dead, or take connections and say
//! nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is done with the `n`th call, before it goes on; `false` shuts the gate.
type Hook = dyn Fn(usize) -> bool + Send + Sync;

/// What becomes of a call that went through and of its connection.
#[derive(Clone, Copy)]
pub enum Lost {
    /// The server's answer and all that follows it are kept back, and the connection stays open.
    Silence,
    /// The connection ends when the server answers.
    Cut,
}

/// The call whose answer is lost.
struct Losing {
    /// What the client says in it.
    word: &'static [u8],
    /// Calls with the word that come before it.
    left: AtomicUsize,
    how: Lost,
}

/// What is done with a piece of what one side says.
enum Fate {
    Pass,
    Drop,
    End,
}

/// A gate.
pub struct Gate {
    port: u16,
    inside: Arc<Inside>,
}

struct Inside {
    target: String,
    shut: AtomicBool,
    calls: AtomicUsize,
    hook: Box<Hook>,
    losing: Option<Losing>,
    connections: Mutex<Vec<TcpStream>>,
}

impl Gate {
    /// An open gate before `target`.
    pub fn before(target: &str) -> Self {
        Self::with(target, |_| true)
    }

    /// A gate that asks `hook` before each call goes on; the first is number 1.
    pub fn with(target: &str, hook: impl Fn(usize) -> bool + Send + Sync + 'static) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), target, None, hook)
    }

    /// A gate that loses the answer to the `nth` call in which the client says `word`; the first is number 1. The server
    /// has done what it was asked.
    pub fn losing(target: &str, word: &'static [u8], nth: usize, how: Lost) -> Self {
        let losing = Losing { word, left: AtomicUsize::new(nth), how };
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), target, Some(losing), |_| true)
    }

    /// An open gate at a port of this host.
    pub fn at(port: u16, target: &str) -> Self {
        Self::listening(TcpListener::bind(("127.0.0.1", port)).unwrap(), target, None, |_| true)
    }

    fn listening(
        listener: TcpListener,
        target: &str,
        losing: Option<Losing>,
        hook: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside {
            target: target.to_owned(),
            shut: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            hook: Box::new(hook),
            losing,
            connections: Mutex::default(),
        });
        let of_thread = Arc::clone(&inside);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !of_thread.shut.load(Ordering::SeqCst) {
                    of_thread.connect(client);
                }
            }
        });
        Self { port, inside }
    }

    /// `localhost:port`.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Ends all connections, and new ones as soon as they come.
    pub fn shut(&self) {
        self.inside.shut();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.inside.shut.store(false, Ordering::SeqCst);
    }

    /// How many calls went through so far.
    pub fn calls(&self) -> usize {
        self.inside.calls.load(Ordering::SeqCst)
    }
}

impl Inside {
    fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.target) else { return };
        let kept = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        self.connections.lock().unwrap().extend(kept);
        // A call is what a client says after the server has spoken.
        let (answered, lost) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let (inside, asked, loses) = (Arc::clone(self), Arc::clone(&answered), Arc::clone(&lost));
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || {
            pass(from, to, |said| {
                if inside.losing.as_ref().is_some_and(|losing| losing.is_now(said)) {
                    loses.store(true, Ordering::SeqCst);
                }
                if !asked.swap(false, Ordering::SeqCst) {
                    return Fate::Pass;
                }
                if (inside.hook)(inside.calls.fetch_add(1, Ordering::SeqCst) + 1) {
                    return Fate::Pass;
                }
                inside.shut();
                Fate::End
            });
        });
        let how = self.losing.as_ref().map(|losing| losing.how);
        thread::spawn(move || {
            pass(server, client, |_| {
                answered.store(true, Ordering::SeqCst);
                match how {
                    Some(Lost::Silence) if lost.load(Ordering::SeqCst) => Fate::Drop,
                    Some(Lost::Cut) if lost.load(Ordering::SeqCst) => Fate::End,
                    _ => Fate::Pass,
                }
            });
        });
    }
}

impl Losing {
    /// Whether this is the call.
    fn is_now(&self, said: &[u8]) -> bool {
        said.windows(self.word.len()).any(|word| word == self.word)
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut fate: impl FnMut(&[u8]) -> Fate) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let said = &bytes[..count];
        match fate(said) {
            Fate::Pass if to.write_all(said).is_ok() => {}
            Fate::Drop => {}
            Fate::Pass | Fate::End => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// The address of a server that is not there.
pub fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("localhost:{}", listener.local_addr().unwrap().port())
}

/// A server that takes connections and says nothing, as long as it lives, and its address.
pub fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    (listener, address)
}
