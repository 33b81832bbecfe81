//! Which protocols and ports an application or IP service means (API section 6.9).

use crate::validate::{Field, MANY, Rule, Schema, optional, schema};
use connexa_types::schema::{ServiceProtocol, ServiceType};

/// `config`.
pub(super) const FIELD: Field = optional("config", Rule::Object(&CONFIG));

static CONFIG: Schema = schema(&[
    optional("serviceTypes", Rule::List(0, MANY, &Rule::Word(ServiceType::VALUES))),
    optional("customServiceTypes", Rule::List(0, MANY, &Rule::Object(&CUSTOM))),
]);

static CUSTOM: Schema = schema(&[
    optional("protocol", Rule::Word(ServiceProtocol::VALUES)),
    optional("port", Rule::List(0, MANY, &Rule::Object(&RANGE))),
    optional("icmpType", Rule::List(0, MANY, &Rule::Object(&RANGE))),
]);

static RANGE: Schema = schema(&[
    optional("value", Rule::Integer),
    optional("lowerValue", Rule::Integer),
    optional("upperValue", Rule::Integer),
]);
