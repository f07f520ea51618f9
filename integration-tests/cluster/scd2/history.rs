//! A history that somebody else kept, with inclusive ends: the list prices of AdventureWorks, on Hive and by the definition.

use sakia::error::Kind;
use sakia::scd2::reference::{Definition, FirstFrom, Reference, Told, Version, events_of};
use sakia::scd2::{Deletes, UntrackedPolicy};
use sakia::telemetry::summary::Outcome;

use super::{Log, apply, beeline};

/// Product, first day, last day, price.
fn prices() -> Vec<[&'static str; 4]> {
    let file = include_str!("../data/adventureworks/ProductListPriceHistory.csv");
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.split('\t').collect();
        [cells[0], &cells[1][..10], cells[2].get(..10).unwrap_or(""), cells[3]]
    };
    file.lines().map(row).collect()
}

fn told([product, from, last, price]: &[&str; 4]) -> Told<String> {
    let next = |day: &str| day.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap().to_string();
    let to = Some(*last).filter(|last| !last.is_empty()).map(next);
    ((*product).to_owned(), (*from).to_owned(), to, vec![Some((*price).to_owned())])
}

fn line(version: &Version<String>) -> String {
    let to = version.to.as_deref().unwrap_or("9999-12-31");
    format!("{}\t{}\t{to}\t{}", version.key, version.from, version.attributes[0].as_deref().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_with_inclusive_ends_is_taken_as_it_is() {
    let prices = prices();
    let mut log = Log::new("product int, starts timestamp, ends timestamp, price decimal(19,4)").await;
    let args = log.args(
        "input = 'history'\nkeys = ['product']\nsequence = 'starts'\nend-column = 'ends'\nend-unit = 'day'\n\
         tracked = ['price']\nbatches = 'month'",
    );
    let moment = |day: &str| if day.is_empty() { "null".to_owned() } else { format!("timestamp '{day} 00:00:00'") };
    let row =
        |[product, from, last, price]: &[&str; 4]| format!("({product}, {}, {}, {price})", moment(from), moment(last));
    log.arrive(&prices.iter().map(row).collect::<Vec<_>>()).await;
    let done = apply(&args).await.unwrap();
    assert_eq!((done.outcome, done.rows_in), (Outcome::Done, 493), "{}", done.detail);
    assert!(done.detail.contains("; 387 versions, 195 current"), "{}", done.detail);

    let mut reference = Reference::new(Definition {
        attributes: 1,
        tracked: 1,
        untracked: UntrackedPolicy::LatestInRun,
        deletes: Deletes::Close,
        first_from: FirstFrom::Event,
        strict: true,
        quarantine: false,
    });
    reference.accept(&events_of(&prices.iter().map(told).collect::<Vec<_>>())).unwrap();
    let mut expected: Vec<String> = reference.versions().iter().map(line).collect();
    expected.sort();
    let seen = log.history("product, to_date(valid_from), to_date(valid_to), price");
    assert_eq!(seen, expected);
    // The rows themselves: each holds from its first day to its last, whatever the definition says.
    let kept = beeline(&format!(
        "select count(*) from {0}.log h join {0}.dim d on h.product = d.product and d.price = h.price \
         where d.valid_from <= h.starts and if(h.ends is null, d.is_current, h.ends < d.valid_to)",
        log.database
    ));
    assert_eq!(kept, ["395"]);

    // The same rows once more, and a product with a gap in its prices.
    let mut more = prices[..10].iter().map(row).collect::<Vec<_>>();
    more.push(row(&["1", "2022-01-01", "2022-01-31", "1.5"]));
    more.push(row(&["1", "2022-03-01", "9999-12-31", "1.5"]));
    log.arrive(&more).await;
    assert_eq!(apply(&args).await.unwrap().rows_out, 2);
    let gap = format!(
        "select to_date(valid_from), to_date(valid_to), is_current from {}.dim where product = 1 order by 1",
        log.database
    );
    let expected = ["2022-01-01\t2022-02-01\tfalse", "2022-03-01\t9999-12-31\ttrue"];
    assert_eq!(beeline(&gap), expected);

    // Two prices at one time are no history.
    log.arrive(&[row(&["1", "2022-01-15", "2022-02-15", "2"])]).await;
    let error = apply(&args).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("1 that end after the next begins, or before they begin"), "{error}");
    assert_eq!(beeline(&gap), expected);
    log.close().await;
}
