//! HTTP/1.1 by hand: what is sent is what the test says, byte for byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An open connection.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Connection { reader: BufReader::new(stream) }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.write_request(method, path, headers, body);
        self.read_reply()
    }

    pub(crate) fn write_request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        self.write_raw(&[head.as_bytes(), body].concat());
    }

    /// Sends bytes as they are. The server may have hung up; the answer says why.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    pub(crate) fn read_reply(&mut self) -> Reply {
        let mut reply = self.read_head();
        let length = reply.header("content-length").and_then(|n| n.parse().ok());
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.read_chunk() {
                reply.body.extend(chunk);
            }
        } else {
            reply.body = vec![0; length.unwrap_or(0)];
            self.reader.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    /// Status and headers alone.
    pub(crate) fn read_head(&mut self) -> Reply {
        let status = self.read_line();
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("no status: {status:?}"));
        let mut reply =
            Reply { status: status.parse().unwrap(), headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.read_line();
            let Some((name, value)) = line.split_once(": ") else { return reply };
            reply.headers.push((name.to_ascii_lowercase(), value.to_string()));
        }
    }

    /// The next chunk of a body; `None` at its end, or where the server broke off.
    pub(crate) fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.read_line(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.reader.read_line(&mut line);
        line.trim_end().to_string()
    }

    /// Whether the server has closed the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]) | Err(_))
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body of an answer that must be good.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, parameter, code and message of an answer that must be an error.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String, String, String) {
        let body: Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)));
        let error = &body["error"];
        let word = |name: &str| error[name].as_str().unwrap_or_default().to_string();
        assert!(!word("message").is_empty() && !word("type").is_empty(), "{body}");
        (self.status, word("param"), word("code"), word("message"))
    }

    /// The data of server-sent events, up to `[DONE]` if that comes.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.take_while(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}")))
            .collect()
    }
}
