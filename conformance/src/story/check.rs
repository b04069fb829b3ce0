//! What is said of values: `check path OP value`.

use serde_json::Value;

use super::{Result, Story};
use crate::{
    pattern::{NoValue, finds, path_text},
    scenario::{Check, Ordering, Test},
};

impl Story<'_> {
    pub(super) fn check(&mut self, check: &Check) -> Result<()> {
        let path = path_text(&check.left.value);
        let value = match self.scope.value(&check.left.value) {
            Ok(value) => Some(value),
            Err(NoValue::Missing(_)) => None,
            Err(error) => return Err(self.error(error.to_string())),
        };
        let (holds, expected) = match (&check.test, &value) {
            (Test::Exists, value) => (value.is_some(), format!("{path} exists")),
            (Test::Missing, value) => (value.is_none(), format!("{path} is missing")),
            (Test::Matches(regex), value) => {
                let text = value.as_ref().map(text_of).unwrap_or_default();
                let found = self.known(|_| finds(regex, text.as_bytes()))?;
                (value.is_some() && found, format!("{path} ~ /{regex}/"))
            }
            (Test::Contains(words), value) => {
                let words = self.text(words)?;
                let found = value.as_ref().is_some_and(|value| text_of(value).contains(&words));
                (found, format!("{path} contains {words}"))
            }
            (Test::Compare(ordering, right), value) => {
                let right = self.known(|scope| scope.writes(right))?.concat();
                let right = serde_json::from_slice(&right).unwrap_or_else(|_| {
                    Value::String(String::from_utf8_lossy(&right).into_owned())
                });
                let sign = sign(*ordering);
                let holds = value.as_ref().is_some_and(|left| compare(left, *ordering, &right));
                (holds, format!("{path} {sign} {right}"))
            }
        };
        if holds {
            return Ok(());
        }
        let got = value.map_or("no such member".to_owned(), |value| value.to_string());
        let mut failure = self.failure(format!("{path} is not as it should be"));
        (failure.expected, failure.got) = (Some(expected), Some(got));
        Err(failure)
    }
}

fn compare(left: &Value, ordering: Ordering, right: &Value) -> bool {
    let order = match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ if left == right || text_of(left) == text_of(right) && !left.is_boolean() => {
            Some(std::cmp::Ordering::Equal)
        }
        _ => None,
    };
    match ordering {
        Ordering::Equal => order.is_some_and(|order| order.is_eq()),
        Ordering::NotEqual => !order.is_some_and(|order| order.is_eq()),
        Ordering::Less => order.is_some_and(|order| order.is_lt()),
        Ordering::AtMost => order.is_some_and(|order| order.is_le()),
        Ordering::More => order.is_some_and(|order| order.is_gt()),
        Ordering::AtLeast => order.is_some_and(|order| order.is_ge()),
    }
}

fn sign(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => "=",
        Ordering::NotEqual => "!=",
        Ordering::Less => "<",
        Ordering::AtMost => "<=",
        Ordering::More => ">",
        Ordering::AtLeast => ">=",
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
