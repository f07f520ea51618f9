//! The session that an export writes in. A text is a time of the user's clock; an instant of a columnar file goes into a
//! TIMESTAMP exactly only where the clock shows UTC. It refuses to write both through one session where they differ.

use arrow_schema::DataType;

use crate::error::{self, Result};
use crate::mysql::session::Session;
use crate::mysql::write::TargetColumn;

/// Decides the session: the user's, unless instants go into TIMESTAMP columns; with each column stands the type of its
/// values in columnar files, `None` for what is text. A time without a zone counts as an instant in UTC, as imports and
/// Hive write it. With the session comes what the user should know.
///
/// # Errors
/// Config: some TIMESTAMP columns get instants and others text.
pub(super) fn decide<'a>(
    columns: impl Iterator<Item = (&'a TargetColumn, &'a Option<DataType>)>,
    user: Session,
) -> Result<(Session, Option<String>)> {
    let zone = match &user {
        Session::Users(of_user) if !of_user.is_utc() => of_user.zone_name(),
        _ => return Ok((user, None)),
    };
    let is_instant = |held: &Option<DataType>| matches!(held, Some(DataType::Timestamp(..) | DataType::Int64));
    let timestamps = columns.filter(|(column, _)| column.is_timestamp());
    let (instants, texts): (Vec<_>, Vec<_>) = timestamps.partition(|(_, held)| is_instant(held));
    match (instants.first(), texts.first()) {
        (None, _) => Ok((user, None)),
        (Some((instant, _)), Some((text, _))) => Err(error::config(format!(
            "column {} gets instants, and column {} times of the clock in {zone}",
            instant.name, text.name
        ))
        .hint(
            "export them one after the other with columns and update-key, or set the clock to UTC with \
             connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true in the url",
        )),
        (Some(_), None) => Ok((
            Session::Ours,
            Some(format!(
                "instants are written in a session in UTC, the server's zone is {zone}: triggers and defaults see UTC"
            )),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::TimeUnit;

    use super::*;
    use crate::error::Kind as ErrorKind;
    use crate::mysql::session::UserSession;
    use crate::mysql::write::Kind;

    #[test]
    fn instants_are_written_in_utc_and_texts_by_the_users_clock() {
        let zone = |zone: &str| Session::Users(Arc::new(UserSession { zone: zone.into(), ..UserSession::default() }));
        let instant = Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        let (both, one) = (["timestamp", "TIMESTAMP(6)"], ["timestamp", "datetime"]);
        let of = |types: &[&str; 2], held: [Option<DataType>; 2], user: &Session| {
            let columns = types.map(|column_type| {
                let mut column = TargetColumn::new(column_type, Kind::DateTime { digits: 6 });
                column.column_type = column_type.to_owned();
                column
            });
            decide(columns.iter().zip(&held), user.clone()).map(|(session, note)| (session, note.is_some()))
        };
        let (berlin, text) = (zone("Europe/Berlin"), Some(DataType::Utf8));
        assert_eq!(of(&both, [None, None], &berlin).unwrap(), (berlin.clone(), false));
        assert_eq!(of(&both, [text.clone(), None], &berlin).unwrap(), (berlin.clone(), false));
        assert_eq!(of(&both, [instant.clone(), instant.clone()], &berlin).unwrap(), (Session::Ours, true));
        assert_eq!(of(&one, [instant.clone(), text.clone()], &berlin).unwrap(), (Session::Ours, true));
        assert_eq!(of(&one, [text.clone(), instant.clone()], &berlin).unwrap(), (berlin.clone(), false));
        assert_eq!(of(&both, [instant.clone(), text.clone()], &berlin).unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(of(&both, [instant, text], &zone("UTC")).unwrap(), (zone("UTC"), false));
    }
}
