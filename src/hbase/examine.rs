//! What a doctor asks of the Thrift gateways, and of HBase through them. Nothing is changed there.

use super::security::{self, Endpoint};
use super::{HBaseClient, HBaseOptions};
use crate::checkup::Checkup;
use crate::error::Result;
use crate::net::examine::{Hop, any_reached, asking};
use crate::net::login::Login;

/// Asks each gateway whether it is reached, and the first that answers for the tables.
pub(crate) async fn examine(options: &HBaseOptions, tables: &[String], checkup: &mut Checkup) -> Result<()> {
    let given = options.clone();
    if !any_reached("gateway", move || hops(&given), checkup).await? {
        checkup.skipped("tables", "no gateway can be reached");
        return Ok(());
    }
    let connected = HBaseClient::connect(options).await;
    let Some(client) = checkup.take("gateway", connected, |_| "answers as thrift1".to_owned()) else { return Ok(()) };
    // Thrift1 has no call that tells.
    let (options, began) = (options.clone(), client.endpoint());
    let whom = asking(checkup, move |_| whom(&options, &began)).await?;
    checkup.take("taken for", whom, Clone::clone);
    let words = |found: &Vec<String>| format!("{} are seen", found.len());
    let Some(found) = checkup.take("tables", client.tables().await, words) else { return Ok(()) };
    for table in tables {
        match found.contains(table) {
            true => checkup.fine(format!("table {table}"), "is there"),
            false => checkup.fine(format!("table {table}"), "is not there yet, and is made by the first run"),
        }
    }
    Ok(())
}

/// Whom a gateway takes us for, by what it is shown. Blocks where a ticket is looked at.
fn whom(options: &HBaseOptions, endpoint: &str) -> Result<String> {
    let transport = security::transport(options, &Endpoint::parse(endpoint)?)?;
    Ok(match (&transport.login, options.access.proxy_user()) {
        (_, Some(user)) => format!("{user}, whom it has to let us act as"),
        (Login::Kerberos { credentials, .. }, None) => format!("{}, by the ticket", credentials.ticket()?.principal),
        _ => "nobody: it does in hbase what its own user may".to_owned(),
    })
}

/// The gateways.
fn hops(options: &HBaseOptions) -> Result<Vec<Hop>> {
    let hop = |url: &String| {
        let endpoint = Endpoint::parse(url)?;
        let transport = security::transport(options, &endpoint)?;
        let server = options.server(&endpoint);
        Ok(Hop { name: format!("hbase {endpoint}"), server, transport })
    };
    options.urls.iter().map(hop).collect()
}
