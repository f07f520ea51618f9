use super::*;

/// The routes of the example shop.
fn shop() -> Routes {
    #[derive(Deserialize)]
    struct Tables {
        column: Vec<ColumnArgs>,
        route: Vec<RouteArgs>,
    }
    let text = r#"
        column = [
            { name = "customer_id", type = "bigint", from = "user_name" },
            { name = "stage", type = "tinyint" },
            { name = "product_code" },
            { name = "invoice_no" },
        ]
        route = [
            { query = { invoice_no = "invoice" } },
            { path = "/", set = { stage = 1 } },
            { path = "/index.html", set = { stage = 1 } },
            { path = "/c/*/**", set = { stage = 2 } },
            { path = "/search", set = { stage = 2 } },
            { path = "/p/{product_code}/**", set = { stage = 3 } },
            { path = "/cart/**", query = { product_code = "sku" }, set = { stage = 4 } },
            { path = "/checkout/payment/**", set = { stage = 6 } },
            { path = "/checkout/**", set = { stage = 5 } },
            { path = "/order", set = { stage = 7 } },
        ]
    "#;
    let Tables { column, route } = toml::from_str(text).unwrap();
    Routes::new(&column, &route, &[user_name()]).unwrap()
}

fn user_name() -> ColumnSpec {
    ColumnSpec { name: "user_name".into(), data_type: ColumnType::String, nullable: true, comment: String::new() }
}

fn filled(target: &'static str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let request = RequestLine { method: Some("GET"), path: Some(path), query, protocol: None };
    let cells = shop().fill(Some(&request), &[Cell::Null]);
    let text = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => text.to_string(),
        Cell::Whole(number) => number.to_string(),
        _ => "-".to_owned(),
    };
    cells[1..].iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn paths_lead_through_the_shop() {
    for (target, wanted) in [
        ("/?utm_source=mail", "1 - -"),
        ("/c/garden", "2 - -"),
        ("/c/garden/", "2 - -"),
        ("/search?q=x", "2 - -"),
        ("/p/85123A", "3 85123A -"),
        ("/p/POST%20X/pictures", "3 POST X -"),
        ("/cart/add?sku=85123A&qty=6", "4 85123A -"),
        ("/cart", "4 - -"),
        ("/checkout", "5 - -"),
        ("/checkout/address", "5 - -"),
        ("/checkout/payment", "6 - -"),
        ("/order?invoice=536365", "7 - 536365"),
        ("/thanks?invoice=536365", "- - 536365"),
    ] {
        assert_eq!(filled(target), wanted, "{target}");
    }
    for elsewhere in ["/static/site.css", "/p/", "/c", "*", "/searching", "/order/x", "http://other/p/1"] {
        assert_eq!(filled(elsewhere), "- - -", "{elsewhere}");
    }
}

#[test]
fn a_column_may_take_the_text_of_another() {
    let of = |user: &'static str| shop().fill(None, &[Cell::Text(user.into())]).swap_remove(0);
    assert_eq!(of("17850"), Cell::Whole(17850));
    assert_eq!(of("guest"), Cell::Null);
}

#[test]
fn a_method_may_be_asked_for() {
    let column = ColumnArgs {
        name: "kind".into(),
        data_type: ColumnType::String,
        comment: String::new(),
        from: None,
        after: None,
    };
    let route = RouteArgs {
        method: vec!["POST".into()],
        set: [("kind".to_owned(), SetValue::Text("sent".into()))].into(),
        ..RouteArgs::default()
    };
    let routes = Routes::new(&[column], &[route], &[]).unwrap();
    let of = |method| {
        let request = RequestLine { method, path: Some("/"), query: None, protocol: None };
        routes.fill(Some(&request), &[]).swap_remove(0)
    };
    assert_eq!(of(Some("POST")), Cell::Text("sent".into()));
    assert_eq!(of(Some("GET")), Cell::Null);
    assert_eq!(of(None), Cell::Null);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let column = |name: &str| ColumnArgs {
        name: name.into(),
        data_type: ColumnType::TinyInt,
        comment: String::new(),
        from: None,
        after: None,
    };
    let path = |path: &str| RouteArgs { path: Some(path.into()), ..RouteArgs::default() };
    let refused = |columns: &[ColumnArgs], route: RouteArgs| {
        Routes::new(columns, &[route], &[user_name()]).unwrap_err().to_string()
    };
    assert!(refused(&[column("user_name")], path("/")).contains("user_name is there twice"));
    for bad in ["p/x", "/p/*x", "/**/x", "/{stage}x"] {
        assert!(refused(&[column("stage")], path(bad)).contains(bad), "{bad}");
    }
    assert!(refused(&[column("stage")], path("/{stag}")).contains("stag, which is not a column"));
    let set = |value| RouteArgs { set: [("stage".to_owned(), value)].into(), ..RouteArgs::default() };
    assert!(refused(&[column("stage")], set(SetValue::Whole(300))).contains("300"));
    let from = ColumnArgs { from: Some("user".into()), ..column("customer") };
    assert!(refused(&[from], path("/")).contains("is from user"));
    let after = ColumnArgs { after: Some("usr_name".into()), ..column("customer") };
    assert!(refused(&[after], path("/")).contains("is after usr_name"));
}
