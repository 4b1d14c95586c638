//! The JSON Schema of scenario files, for editors: made of the grammar, so that it says what the reader reads.

use hubbub_protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    grammar::{EXPECTATIONS, FILE, Shape, VERBS, kind::Kind},
    threshold::Figure,
};

/// The schema, in the dialect of 2020-12. It knows every key and the form of every value; names that must exist somewhere
/// else in the file are the reader's to check.
pub(crate) fn schema() -> Value {
    let mut schema = shape(&FILE);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Hubbub scenario",
        "description": "Many people at once, played from one file: hubbub scenario run FILE",
        "$defs": definitions(),
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

/// What is used in several places.
fn definitions() -> Value {
    let number = "[0-9][0-9_]*([.][0-9]+)?";
    let text =
        |pattern: String, kind: Kind| json!({"type": "string", "pattern": pattern, "description": kind.expected()});
    let time = text(format!("^ *{number} *(ns|us|µs|ms|s|min|h) *$"), Kind::Time { min_zero: false });
    let rate = text(format!("^ *{number} */ *(s|min|h) *$"), Kind::Ramp);
    let size = text(format!("^ *{number} *(B|KiB|MiB) *$"), Kind::Sized);
    let time_ref = || json!({"$ref": "#/$defs/time"});
    let one = |name: &str, inner: Value| json!({"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": false});
    let lognormal = json!({
        "type": "object", "properties": {"median": time_ref(), "p99": time_ref()},
        "required": ["median", "p99"], "additionalProperties": false,
    });
    let figures: Vec<&str> = Figure::ALL.iter().map(|(_, name, _)| *name).collect();
    json!({
        "time": time,
        "rate": rate,
        "size": size,
        "spread": {"anyOf": [
            time_ref(), {"const": 0}, one("exponential", time_ref()), one("lognormal", lognormal),
            one("uniform", json!({"type": "array", "items": {"anyOf": [time_ref(), {"const": 0}]}, "minItems": 2, "maxItems": 2})),
        ], "description": Kind::Spread.expected()},
        "ramp": {"anyOf": [{"$ref": "#/$defs/rate"}, {
            "type": "object", "properties": {"from": {"$ref": "#/$defs/rate"}, "to": {"$ref": "#/$defs/rate"}},
            "required": ["from", "to"], "additionalProperties": false,
        }], "description": Kind::Ramp.expected()},
        "who": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "description": Kind::Who.expected()},
        "name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$", "description": Kind::NewName.expected()},
        "comparison": {"type": "string", "pattern": "[<>=!]", "description": Kind::Comparison.expected()},
        "threshold": text(format!("^ *({}) *(<=|>=|==|!=|<|>) *-?{number} *$", figures.join("|")), Kind::Comparisons),
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1},
        "step": step(),
        "expectation": {"anyOf": EXPECTATIONS.iter().map(|word| {
            let mut shape = shape(word.shape);
            shape["description"] = json!(word.meaning);
            shape
        }).collect::<Vec<_>>(), "description": "Something that must be true at this point."},
    })
}

/// A step: a map of one verb, or the verb alone where nothing else is needed.
fn step() -> Value {
    let mut verbs = Map::new();
    for word in VERBS {
        let mut argument = match word.name {
            "expect" => json!({"$ref": "#/$defs/expectation"}),
            _ => with_short(word.shape),
        };
        argument["description"] = json!(word.meaning);
        argument["examples"] = json!([word.example]);
        verbs.insert(word.name.to_owned(), argument);
    }
    let bare: Vec<&str> =
        VERBS.iter().filter(|word| word.name != "expect" && word.shape.may_be_empty()).map(|word| word.name).collect();
    json!({"anyOf": [
        {"type": "object", "properties": verbs, "additionalProperties": false, "minProperties": 1, "maxProperties": 1},
        {"enum": bare},
    ]})
}

/// A map with known keys and no others.
fn shape(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape
        .fields
        .iter()
        .map(|field| {
            let mut schema = kind(field.kind);
            schema["description"] = json!(field.meaning);
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = shape.fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The same, with nothing or a single value in its place where the language has that.
fn with_short(of: &Shape) -> Value {
    let mut forms = vec![shape(of)];
    if let Some(field) = of.short.and_then(|name| of.field(name)) {
        forms.push(kind(field.kind));
    }
    if of.may_be_empty() {
        forms.push(json!({"type": "null"}));
    }
    if forms.len() == 1 { forms.remove(0) } else { json!({"anyOf": forms}) }
}

fn kind(kind: Kind) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
    let one_or_list = |item: Value| json!({"anyOf": [item.clone(), {"type": "array", "items": item, "minItems": 1}]});
    match kind {
        Kind::Line | Kind::Text => json!({"type": ["string", "number", "boolean"]}),
        Kind::Whole { min, max } => whole(min, max),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Time { min_zero: false } => reference("time"),
        Kind::Time { min_zero: true } => json!({"anyOf": [reference("time"), {"const": 0}]}),
        Kind::Spread => reference("spread"),
        Kind::Ramp => reference("ramp"),
        Kind::ReadRate => json!({"type": "string", "pattern": "^ *[0-9][0-9_.]* *(B|KiB|MiB) */ *s *$"}),
        Kind::Share => json!({"type": "string", "pattern": "^ *[0-9][0-9_.]* *% *$"}),
        Kind::Sized => range(reference("size")),
        Kind::Counts => range(whole(1, 1_000_000)),
        Kind::Quantile => json!({"type": "string", "pattern": "^(p[0-9][0-9.]*|max)$"}),
        Kind::Who => reference("who"),
        Kind::Room => json!({"type": ["string", "integer"]}),
        Kind::Rooms => one_or_list(json!({"type": ["string", "integer"]})),
        Kind::NewName | Kind::Capture => reference("name"),
        Kind::Captures => one_or_list(reference("name")),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::ErrorCode => json!({"enum": ErrorCode::ALL}),
        Kind::CloseCode => json!({"anyOf": [whole(1000, 4999), {"const": "any"}]}),
        Kind::Comparison => reference("comparison"),
        Kind::Comparisons => one_or_list(reference("threshold")),
        Kind::Limits => json!({
            "type": "object", "propertyNames": {"pattern": "^[a-z_]+$"}, "additionalProperties": whole(0, u64::MAX),
        }),
        Kind::Sizes => json!({"anyOf": [
            whole(1, 1_000_000), {"type": "array", "items": whole(1, 1_000_000), "minItems": 1},
            {"type": "object", "properties": {"power_law": {"type": "number", "exclusiveMinimum": 0, "maximum": 10}},
             "required": ["power_law"], "additionalProperties": false},
        ]}),
        Kind::Steps => reference("steps"),
        Kind::Shape(shape) => with_short(shape),
        Kind::Named(shape) => json!({"type": "object", "additionalProperties": with_short(shape), "minProperties": 1}),
    }
}

/// A whole number; with `_` between its digits YAML reads it as text.
fn whole(min: u64, max: u64) -> Value {
    let mut number = json!({"type": "integer", "minimum": min});
    if max < u64::MAX {
        number["maximum"] = json!(max);
    }
    json!({"anyOf": [number, {"type": "string", "pattern": "^[0-9]+(_[0-9]+)+$"}]})
}

/// One value, or a list of two.
fn range(item: Value) -> Value {
    json!({"anyOf": [item.clone(), {"type": "array", "items": item, "minItems": 2, "maxItems": 2}]})
}
