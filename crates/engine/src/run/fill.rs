//! From a call template to a call: the ids of objects that other operations made are put in their places.

use crate::plan::{CallTemplate, Operation, Output, TemplateText};
use connexa_types::{Call, CallBody, JsonPointer};
use serde_json::Value;
use std::collections::HashMap;

/// The values that later operations take from the objects of earlier ones. Only what is asked for is kept.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// Change → places in its object that are asked for, and the values there once they are known.
    wanted: HashMap<usize, HashMap<JsonPointer, Option<Value>>>,
}

impl Outputs {
    pub(super) fn wanted_by(operations: &[Operation]) -> Self {
        let mut wanted: HashMap<usize, HashMap<JsonPointer, Option<Value>>> = HashMap::new();
        for output in operations.iter().flat_map(|operation| outputs(&operation.call)) {
            wanted.entry(output.change).or_default().insert(output.pointer.clone(), None);
        }
        Self { wanted }
    }

    /// Keeps what is asked for of the object of a change.
    pub(super) fn keep(&mut self, change: usize, object: &Value) {
        for (place, value) in self.wanted.get_mut(&change).into_iter().flatten() {
            *value = place.get(object).cloned();
        }
    }

    fn get(&self, output: &Output) -> Option<&Value> {
        self.wanted.get(&output.change)?.get(&output.pointer)?.as_ref()
    }
}

fn outputs(template: &CallTemplate) -> impl Iterator<Item = &Output> {
    let texts = template.path_args.iter().chain(template.query.iter().map(|(_, text)| text));
    let in_texts = texts.filter_map(|text| match text {
        TemplateText::Output(output) => Some(output),
        TemplateText::Text(_) => None,
    });
    in_texts.chain(template.outputs.values())
}

/// Fills a template; the error is the change whose object does not hold what is asked for.
pub(super) fn fill(template: &CallTemplate, outputs: &Outputs) -> Result<Call, usize> {
    let text = |text: &TemplateText| -> Result<String, usize> {
        match text {
            TemplateText::Text(text) => Ok(text.clone()),
            TemplateText::Output(output) => match outputs.get(output) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(Value::Number(number)) => Ok(number.to_string()),
                _ => Err(output.change),
            },
        }
    };
    let mut body = template.body.clone();
    for (place, output) in &template.outputs {
        let value = outputs.get(output).filter(|value| !value.is_null()).ok_or(output.change)?;
        let filled = match &mut body {
            Some(CallBody::Json(json)) => place.put(json, value.clone()),
            Some(CallBody::Text(_)) | None => false,
        };
        // A place that is not there is the planner's mistake; the call must not go out without the value.
        if !filled {
            return Err(output.change);
        }
    }
    let path_args = template.path_args.iter().map(text).collect::<Result<_, _>>()?;
    let filled = |(name, value): &(String, TemplateText)| text(value).map(|value| (name.clone(), value));
    let query = template.query.iter().map(filled).collect::<Result<_, _>>()?;
    Ok(Call { endpoint: template.endpoint, path_args, query, body, secrets: template.secrets.clone() })
}
