//! A device daemon of the tests' own, for what Debian's adbd cannot show: a phone that does not trust its host, one in the
//! recovery system, and shells that break off inside the protocol. It speaks adb's transport over TCP (AOSP,
//! `packages/modules/adb/protocol.txt`) as a phone without shell_v2 does, whose shells tell no exit code.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

const CNXN: u32 = 0x4e58_4e43;
const AUTH: u32 = 0x4854_5541;
const OPEN: u32 = 0x4e45_504f;
const OKAY: u32 = 0x5941_4b4f;
const CLSE: u32 = 0x4553_4c43;
const WRTE: u32 = 0x4554_5257;
/// Of AUTH: a token to sign, a signature, and a public key to be trusted.
const TOKEN: u32 = 1;
const PUBLIC_KEY: u32 = 3;
/// The version with checksums, and what adb of that time took in one packet.
const VERSION: u32 = 0x0100_0000;
const MAX_DATA: u32 = 4_096;
/// Number of the one stream that is open at a time.
const STREAM: u32 = 1;

/// How the phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Its owner has not yet trusted this host.
    Untrusted,
    /// In a system of this name: `device`, `recovery`, `sideload`. A shell prints half a line and breaks off; `reboot`
    /// leads to `device`.
    In(&'static str),
}

/// A phone on the network.
pub struct Daemon {
    address: SocketAddr,
    mood: Arc<(Mutex<Mood>, Condvar)>,
}

impl Daemon {
    /// One on a free port of loopback.
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new((Mutex::new(mood), Condvar::new()));
        let shared = Arc::clone(&mood);
        // It ends with the test's process, which is alone in its namespaces.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let shared = Arc::clone(&shared);
                // A host that hangs up ends its connection and nothing else.
                std::thread::spawn(move || connection.and_then(|stream| serve(stream, &shared)));
            }
        });
        Self { address, mood }
    }

    /// As adb lists it.
    pub fn serial(&self) -> String {
        self.address.to_string()
    }

    /// The owner trusts this host.
    pub fn trust(&self) {
        *self.mood.0.lock().unwrap() = Mood::In("device");
        self.mood.1.notify_all();
    }
}

struct Packet {
    command: u32,
    first: u32,
    data: Vec<u8>,
}

fn receive(stream: &mut TcpStream) -> std::io::Result<Packet> {
    let mut head = [0_u8; 24];
    stream.read_exact(&mut head)?;
    let word = |nth: usize| u32::from_le_bytes(head[4 * nth..4 * nth + 4].try_into().unwrap());
    let mut data = vec![0; word(3) as usize];
    stream.read_exact(&mut data)?;
    Ok(Packet { command: word(0), first: word(1), data })
}

fn send(stream: &mut TcpStream, command: u32, first: u32, second: u32, data: &[u8]) -> std::io::Result<()> {
    let sum = data.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    let words = [command, first, second, data.len() as u32, sum, !command];
    let mut packet: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    packet.extend(data);
    stream.write_all(&packet)
}

fn serve(mut stream: TcpStream, mood: &(Mutex<Mood>, Condvar)) -> std::io::Result<()> {
    loop {
        let Packet { command, first, data } = receive(&mut stream)?;
        match command {
            CNXN => match *mood.0.lock().unwrap() {
                Mood::Untrusted => send(&mut stream, AUTH, TOKEN, 0, &[7; 20])?,
                Mood::In(system) => greet(&mut stream, system)?,
            },
            AUTH if first == PUBLIC_KEY => {
                // The owner is asked, and thinks about it.
                let asked = mood.1.wait_while(mood.0.lock().unwrap(), |mood| *mood == Mood::Untrusted).unwrap();
                if let Mood::In(system) = *asked {
                    greet(&mut stream, system)?;
                }
            }
            // A signature by a key that is not known: perhaps by the next one.
            AUTH => send(&mut stream, AUTH, TOKEN, 0, &[8; 20])?,
            OPEN if data.starts_with(b"shell") => {
                send(&mut stream, OKAY, STREAM, first, &[])?;
                send(&mut stream, WRTE, STREAM, first, b"half of a li")?;
                while receive(&mut stream)?.command != OKAY {}
                send(&mut stream, CLSE, STREAM, first, &[])?;
            }
            OPEN if data.starts_with(b"reboot") => {
                send(&mut stream, OKAY, STREAM, first, &[])?;
                *mood.0.lock().unwrap() = Mood::In("device");
                send(&mut stream, CLSE, STREAM, first, &[])?;
                return stream.shutdown(Shutdown::Both);
            }
            // Every other service is closed at once.
            OPEN => send(&mut stream, CLSE, 0, first, &[])?,
            _ => {}
        }
    }
}

/// The state is the banner's first word, as in adb's `transport.cpp`.
fn greet(stream: &mut TcpStream, system: &str) -> std::io::Result<()> {
    let banner = format!("{system}::ro.product.name=old;ro.product.model=Old Phone;ro.product.device=old;\0");
    send(stream, CNXN, VERSION, MAX_DATA, banner.as_bytes())
}
