//! The blocking half: one connection at a time to one of the gateways, checked when it is made, made again once when
//! it was lost. The generated client is over the unframed binary protocol.

use thrift::ApplicationErrorKind;

use super::fault;
use super::options::HBaseOptions;
use super::security::{self, Endpoint};
use super::thrift1::{HbaseSyncClient, THbaseSyncClient, TThriftServerType};
use crate::error::{self, Error, Result};
use crate::net::thrift::{Input, Output, Wire, is_lost_connection, spoils_connection};
use crate::policy;

/// The generated client over our transport.
pub(super) type RawClient = HbaseSyncClient<Input, Output>;

/// One connection and how to make it again.
pub(super) struct Gateway {
    options: HBaseOptions,
    /// Index of the endpoint that is, or was last, connected.
    current: usize,
    client: Option<RawClient>,
}

impl Gateway {
    /// Connects to the first endpoint that answers as a thrift1 gateway.
    pub(super) fn connect(options: HBaseOptions) -> Result<Self> {
        options.validate()?;
        let mut gateway = Self { options, current: 0, client: None };
        gateway.client()?;
        Ok(gateway)
    }

    /// Runs a call that may be sent twice; a lost connection is made again once.
    pub(super) fn call<T>(
        &mut self,
        act: &str,
        mut call: impl FnMut(&mut RawClient) -> thrift::Result<T>,
    ) -> Result<T> {
        let was_open = self.client.is_some();
        match self.attempt(&mut call)? {
            Ok(value) => Ok(value),
            Err(e) if was_open && is_lost_connection(&e) => {
                tracing::debug!(endpoint = self.endpoint(), error = %e, "connection lost, connecting again");
                self.attempt(&mut call)?.map_err(|e| fault::explain(e, act, self.endpoint()))
            }
            Err(e) => Err(fault::explain(e, act, self.endpoint())),
        }
    }

    /// Runs a call on the connection as it is, and gives the raw outcome back to a caller that knows what it means.
    pub(super) fn attempt<T>(
        &mut self,
        call: impl FnOnce(&mut RawClient) -> thrift::Result<T>,
    ) -> Result<thrift::Result<T>> {
        let done = call(self.client()?);
        if let Err(e) = &done
            && spoils_connection(e)
        {
            self.client = None;
        }
        Ok(done)
    }

    /// The endpoint that is, or was last, connected.
    pub(super) fn endpoint(&self) -> &str {
        self.options.urls.get(self.current).map_or("", String::as_str)
    }

    fn client(&mut self) -> Result<&mut RawClient> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.open_any()?,
        };
        Ok(self.client.insert(client))
    }

    /// Tries every endpoint, the last good one first.
    fn open_any(&mut self) -> Result<RawClient> {
        let count = self.options.urls.len();
        let mut first_failure = None;
        for index in (0..count).map(|step| (self.current + step) % count) {
            match open(&self.options.urls[index], &self.options) {
                Ok(client) => {
                    self.current = index;
                    return Ok(client);
                }
                Err(e) if e.is_transient() => {
                    tracing::debug!(error = %e, "trying the next gateway");
                    first_failure.get_or_insert(e);
                }
                Err(e) => return Err(e),
            }
        }
        Err(first_failure.unwrap_or_else(|| error::config("hbase names no thrift gateway")))
    }
}

/// Connects and asks what service answers: the gateway says so itself, whatever HBase does.
fn open(endpoint: &str, options: &HBaseOptions) -> Result<RawClient> {
    let parsed = Endpoint::parse(endpoint)?;
    let server = options.server(&parsed);
    let (input, output, link) = Wire::open(&server, &security::transport(options, &parsed)?)?.into_protocols();
    let mut client = HbaseSyncClient::new(input, output);
    match client.get_thrift_server_type() {
        Ok(TThriftServerType::ONE) => {}
        Ok(_) => {
            return Err(error::refused(format!("{endpoint} is a thrift2 gateway, sakia speaks thrift1"))
                .hint("name the gateway started with `hbase thrift start`"));
        }
        Err(thrift::Error::Application(e)) if e.kind == ApplicationErrorKind::UnknownMethod => {
            return Err(error::refused(format!("{endpoint} is a thrift service, but not an hbase gateway"))
                .hint("name an hbase thrift gateway of 2.1 or later, which knows getThriftServerType"));
        }
        Err(e) => return Err(declined(link.first_failure(&server, e), options)),
    }
    link.set_limit(options.read_timeout()).map_err(|e| server.unreachable(e))?;
    Ok(client)
}

/// The error of a first call. Over HTTP a gateway that does not let us act as somebody else says no more than that it has
/// a problem of its own.
fn declined(error: Error, options: &HBaseOptions) -> Error {
    match options.access.proxy_user() {
        Some(other) if error.to_string().contains(" answered 500 ") => {
            let ticket = options.access.credentials().ticket();
            let who = ticket.map_or_else(|_| "NAME".to_owned(), |ticket| ticket.principal);
            let set = policy::let_act_as(&who, other, None);
            error.hint(format!("it may be that {who} is not allowed to impersonate {other}: {set}"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;

    use thrift::protocol::{
        TBinaryInputProtocol, TBinaryOutputProtocol, TFieldIdentifier, TInputProtocol, TListIdentifier,
        TMessageIdentifier, TMessageType, TOutputProtocol, TStructIdentifier, TType,
    };

    use super::*;
    use crate::config::Timespan;
    use crate::error::Kind;
    use crate::net::tests::{assert_silent, closed_port, silent_port};

    /// Answers calls on one connection, in order, then closes it.
    fn answer(stream: TcpStream, server_type: i32, tables_calls: usize) {
        let mut input = TBinaryInputProtocol::new(stream.try_clone().unwrap(), true);
        let mut output = TBinaryOutputProtocol::new(stream, true);
        for _ in 0..=tables_calls {
            let call = input.read_message_begin().unwrap();
            input.skip(TType::Struct).unwrap();
            let reply = TMessageIdentifier::new(call.name.clone(), TMessageType::Reply, call.sequence_number);
            output.write_message_begin(&reply).unwrap();
            output.write_struct_begin(&TStructIdentifier::new("result")).unwrap();
            if call.name == "getThriftServerType" {
                output.write_field_begin(&TFieldIdentifier::new("success", TType::I32, 0)).unwrap();
                output.write_i32(server_type).unwrap();
            } else {
                assert_eq!(call.name, "getTableNames");
                output.write_field_begin(&TFieldIdentifier::new("success", TType::List, 0)).unwrap();
                output.write_list_begin(&TListIdentifier::new(TType::String, 1)).unwrap();
                output.write_bytes(b"t").unwrap();
            }
            output.write_field_stop().unwrap();
            output.write_message_end().unwrap();
            output.flush().unwrap();
        }
    }

    /// A gateway of `server_type` whose n-th connection answers `calls[n]` calls after the greeting.
    fn gateway(server_type: i32, calls: &'static [usize]) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            for calls in calls {
                answer(listener.accept().unwrap().0, server_type, *calls);
            }
        });
        (endpoint, served)
    }

    #[test]
    fn a_thrift2_gateway_is_refused_by_name() {
        let (endpoint, served) = gateway(2, &[0]);
        let error = Gateway::connect(HBaseOptions::new([endpoint.as_str()])).err().unwrap();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().starts_with(&format!("{endpoint} is a thrift2 gateway")), "{error}");
        served.join().unwrap();
    }

    #[test]
    fn a_gateway_that_says_nothing_is_not_waited_for() {
        let (_listener, endpoint) = silent_port();
        let began = std::time::Instant::now();
        let options =
            HBaseOptions { connect_timeout: Some(Timespan::from_secs(1)), ..HBaseOptions::new([endpoint.as_str()]) };
        let error = Gateway::connect(options).err().unwrap();
        assert_silent(&error, &endpoint, "an hbase thrift1 gateway", began);
    }

    #[test]
    fn an_unreachable_gateway_is_named() {
        let endpoint = closed_port();
        let error = Gateway::connect(HBaseOptions::new([endpoint.as_str()])).err().unwrap();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&endpoint), "{error}");
    }

    #[test]
    fn a_closed_connection_is_made_again_once() {
        let (endpoint, served) = gateway(1, &[1, 1]);
        let mut gateway = Gateway::connect(HBaseOptions::new([endpoint])).unwrap();
        for _ in 0..2 {
            assert_eq!(gateway.call("list tables", |c| c.get_table_names()).unwrap(), [b"t"]);
        }
        served.join().unwrap();
    }

    #[test]
    fn a_connection_that_is_lost_twice_fails() {
        let (endpoint, served) = gateway(1, &[0, 0]);
        let mut gateway = Gateway::connect(HBaseOptions::new([endpoint.as_str()])).unwrap();
        let error = gateway.call("cannot list tables", |c| c.get_table_names()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&endpoint), "{error}");
        served.join().unwrap();
    }

    #[test]
    fn endpoints_are_tried_in_order() {
        let (endpoint, served) = gateway(1, &[0]);
        let gateway = Gateway::connect(HBaseOptions::new([closed_port(), endpoint.clone()])).unwrap();
        assert_eq!(gateway.endpoint(), endpoint);
        served.join().unwrap();
    }
}
