//! Exports for those alone who have a token of their own for it (ACC-006 in operator mode).

use nkeys::KeyPair;
use serde_json::{Value, json};

use self::Outcome::{Deaf, Hears, Refused};
use super::World;
use crate::{
    Client, Running,
    tokens::{overlay, part, sign, token},
};

/// An account that exports by tokens, and others that import with all kinds of them.
struct Market {
    shop: World,
    /// Signs in the shop's place.
    hand: KeyPair,
    importers: Vec<(World, Value)>,
}

impl Market {
    fn new() -> Market {
        Market { shop: World::new(), hand: KeyPair::new_account(), importers: Vec::new() }
    }

    /// What allows an account to import, and says so, with more.
    fn activation(&self, to: &World, nats: Value, more: Value) -> String {
        self.signed_by(&self.shop.account, to, nats, more)
    }

    fn signed_by(&self, issuer: &KeyPair, to: &World, nats: Value, more: Value) -> String {
        let mut all = json!({ "type": "activation", "kind": "stream", "subject": "orders.>" });
        overlay(&mut all, nats);
        token(issuer, &to.account, all, more)
    }

    /// Lets an account import the stream with this token; `more` goes over the import.
    fn import(&mut self, importer: World, activation: &str, more: Value) -> usize {
        let mut import = json!({
            "name": "o", "type": "stream", "subject": "orders.eu.*",
            "account": self.shop.account.public_key(), "token": activation,
        });
        overlay(&mut import, more);
        self.importers.push((importer, import));
        self.importers.len() - 1
    }

    fn config(&self, revocations: &Value) -> String {
        let exports = json!([
            { "name": "o", "subject": "orders.>", "type": "stream", "token_req": true,
              "revocations": revocations },
            { "name": "p", "subject": "price", "type": "service", "token_req": true },
        ]);
        let nats = json!({ "exports": exports, "signing_keys": [self.hand.public_key()] });
        let shop = self.shop.account_token(nats, json!({}));
        let config = self.shop.config_with(&shop);
        let mut config = config.strip_suffix(" }\n").unwrap().to_owned();
        for (importer, import) in &self.importers {
            let limits = json!({
                "subs": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                "conn": -1,
            });
            let nats = json!({ "type": "account", "limits": limits, "imports": [import] });
            let office = token(&self.shop.operator, &importer.account, nats, json!({}));
            config += &format!(", {}: {office}", importer.account.public_key());
        }
        config + " }\n"
    }

    /// What becomes of the importers: whether they hear an order.
    fn outcomes(&self, server: &Running) -> Vec<Outcome> {
        let shown = |(importer, _): &(World, Value)| {
            let mut client = importer.shows(server, &importer.user_token(json!({}), json!({})));
            let line = client.line();
            client.send("SUB orders.> 1\r\n");
            (line == "PONG\r\n").then(|| heard(&mut client)).map(|_| client)
        };
        let clients: Vec<Option<Client>> = self.importers.iter().map(shown).collect();
        let mut seller = self.shop.user(server);
        seller.send("PUB orders.eu.x 1\r\nx\r\n");
        heard(&mut seller);
        let outcome = |client: Option<Client>| match client.map(|mut it| heard(&mut it)) {
            None => Outcome::Refused,
            Some(None) => Outcome::Deaf,
            Some(Some(line)) => {
                assert_eq!(line, "MSG orders.eu.x 1 1\r\n");
                Outcome::Hears
            }
        };
        clients.into_iter().map(outcome).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Hears,
    /// The import does not count.
    Deaf,
    /// The account does not count.
    Refused,
}

/// The first line that comes before a PONG, keep-alive aside.
fn heard(client: &mut Client) -> Option<String> {
    client.send("PING\r\n");
    let mut lines = std::iter::from_fn(|| Some(client.line())).take_while(|it| it != "PONG\r\n");
    let first = lines.find(|line| line != "PING\r\n");
    lines.for_each(drop);
    first
}

#[test]
fn a_stream_is_imported_with_a_token_for_it() {
    let (mut market, none) = (Market::new(), json!({}));
    let mut expected = Vec::new();
    // What the token says, and what else its body has; who signs it; what the import says.
    let shop_key = market.shop.account.public_key();
    for (nats, more, import, outcome) in [
        (json!({}), json!({}), json!({}), Hears),
        (json!({ "subject": "orders.eu.*" }), json!({}), json!({}), Hears),
        (json!({ "subject": "orders.us.*" }), json!({}), json!({}), Refused),
        (json!({ "subject": "orders.eu.x" }), json!({}), json!({}), Refused),
        (json!({ "kind": "service" }), json!({}), json!({}), Refused),
        (json!({}), json!({ "exp": 1_700_000_001 }), json!({}), Deaf),
        (json!({}), json!({ "exp": 4_000_000_000_u64 }), json!({}), Hears),
        (json!({}), json!({ "nbf": 4_000_000_000_u64 }), json!({}), Deaf),
        (json!({}), json!({ "sub": shop_key }), json!({}), Refused),
        (json!({ "issuer_account": shop_key }), json!({}), json!({}), Hears),
        (json!({}), json!({}), json!({ "token": "" }), Deaf),
        (json!({}), json!({}), json!({ "token": "nonsense" }), Refused),
    ] {
        let importer = World::new();
        let activation = market.activation(&importer, nats, more);
        market.import(importer, &activation, import);
        expected.push(outcome);
    }
    // The signing key names the account in whose place it signs; others may not.
    for (by_hand, nats, outcome) in [
        (true, json!({ "issuer_account": shop_key }), Hears),
        (true, json!({}), Refused),
        (false, json!({ "issuer_account": shop_key }), Deaf),
    ] {
        let (importer, stranger) = (World::new(), KeyPair::new_account());
        let issuer = if by_hand { &market.hand } else { &stranger };
        let activation = market.signed_by(issuer, &importer, nats, json!({}));
        market.import(importer, &activation, json!({}));
        expected.push(outcome);
    }
    // Of the first version: the type stands outside, and what is imported in its place.
    let importer = World::new();
    let header = json!({ "typ": "jwt", "alg": "ed25519" });
    let body = part(&json!({
        "type": "activation", "iss": shop_key, "sub": importer.account.public_key(),
        "iat": 1_700_000_000, "nats": { "type": "stream", "subject": "orders.>" },
    }));
    let old = format!("{}.{body}.{}", part(&header), sign(&market.shop.account, &body));
    market.import(importer, &old, json!({}));
    expected.push(Hears);
    let server = Running::start(&market.config(&none), &[]);
    assert_eq!(market.outcomes(&server), expected);
}

#[test]
fn a_token_for_an_export_can_be_taken_back() {
    let mut market = Market::new();
    for issued in [1_700_000_000, 1_700_000_001] {
        let importer = World::new();
        let activation = market.activation(&importer, json!({}), json!({ "iat": issued }));
        market.import(importer, &activation, json!({}));
    }
    let (first, second) = (&market.importers[0].0, &market.importers[1].0);
    let (first, second) = (first.account.public_key(), second.account.public_key());
    for (revocations, hears) in [
        (json!({}), [Hears, Hears]),
        (json!({ first: 1_700_000_000 }), [Deaf, Hears]),
        (json!({ second: 1_700_000_000 }), [Hears, Hears]),
        (json!({ "*": 1_700_000_001 }), [Deaf, Deaf]),
    ] {
        let server = Running::start(&market.config(&revocations), &[]);
        assert_eq!(market.outcomes(&server), hears, "{revocations}");
    }
}

#[test]
fn an_import_ends_with_its_token() {
    let mut market = Market::new();
    let exp = super::now() + 3;
    let expires = json!({ "exp": exp });
    let (office, agency) = (World::new(), World::new());
    let activation = market.activation(&office, json!({}), expires.clone());
    market.import(office, &activation, json!({ "subject": "orders.>" }));
    let nats = json!({ "kind": "service", "subject": "price" });
    let activation = market.activation(&agency, nats, expires);
    market.import(agency, &activation, json!({ "type": "service", "subject": "price" }));
    let server = Running::start(&market.config(&json!({})), &[]);
    let mut seller = market.shop.user(&server);
    let [(office, _), (agency, _)] = &market.importers[..] else { unreachable!() };
    let (mut office, mut agency) = (office.user(&server), agency.user(&server));
    seller.send("SUB price 1\r\n");
    office.send("SUB orders.> 1\r\n");
    heard(&mut seller);
    heard(&mut office);
    let mut both = || {
        agency.send("PUB price 1\r\nx\r\n");
        heard(&mut agency);
        seller.send("PUB orders.x 1\r\nx\r\n");
        [heard(&mut seller), heard(&mut office)].map(|line| line.is_some())
    };
    assert_eq!(both(), [true, true]);
    crate::eventually(|| super::now() > exp);
    assert_eq!(both(), [false, false]);
}
