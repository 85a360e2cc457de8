//! The form of the model's answer.

use lambent_llm::{ReplySchema, SchemaError};
use lambent_schema::endpoints::analysis::{AnalysisRequest, AnalysisType, Entity, Finding};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the model answers. The `analysis_type` decides what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Draft {
    /// Always.
    pub summary: String,
    /// With `detailed`.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// With `entities`.
    #[serde(default)]
    pub entities: Vec<Entity>,
}

/// The schema of the answer to this request.
///
/// Every string and list has an upper bound: a small model that is held to a schema as it writes would otherwise go on until
/// it runs out of tokens.
pub(crate) fn schema(request: &AnalysisRequest) -> Result<ReplySchema, SchemaError> {
    let most = request.max_findings;
    let list = |fields: Value| json!({"type": "array", "maxItems": most, "items": object(fields)});
    let (name, fields) = match request.analysis_type {
        AnalysisType::Summary => ("summary", json!({"summary": text(600)})),
        AnalysisType::Detailed => (
            "detailed",
            json!({"summary": text(600), "findings": list(json!({"title": text(80), "detail": text(240)}))}),
        ),
        AnalysisType::Entities => (
            "entities",
            json!({"summary": text(300), "entities": list(json!({"name": text(100), "kind": text(40)}))}),
        ),
    };
    ReplySchema::new(name, object(fields))
}

fn text(most: u32) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": most})
}

/// An object with just these fields, all of them.
fn object(fields: Value) -> Value {
    let names: Vec<String> = fields
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys().cloned())
        .collect();
    json!({"type": "object", "properties": fields, "required": names, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::analysis::OutputFormat;

    use super::*;

    fn parse(analysis_type: AnalysisType, text: &str) -> Result<Draft, Vec<String>> {
        let text_of_request = "A text that is long enough.".to_owned();
        let request = AnalysisRequest {
            text: text_of_request,
            analysis_type,
            output_format: OutputFormat::Json,
            max_findings: 1,
        };
        schema(&request).unwrap().parse(text)
    }

    #[test]
    fn each_kind_of_analysis_has_its_fields() {
        let summary = parse(AnalysisType::Summary, r#"{"summary": "It says."}"#).unwrap();
        assert_eq!(
            (summary.summary.as_str(), summary.findings.len()),
            ("It says.", 0)
        );
        let findings = r#"{"summary": "It says.", "findings": [{"title": "A", "detail": "B"}]}"#;
        assert_eq!(
            parse(AnalysisType::Detailed, findings).unwrap().findings[0].title,
            "A"
        );
        let entities = r#"{"summary": "It says.", "entities": [{"name": "Lisbon", "kind": "place"}]}"#;
        assert_eq!(
            parse(AnalysisType::Entities, entities).unwrap().entities[0].kind,
            "place"
        );
    }

    #[test]
    fn other_fields_and_too_many_entries_are_refused() {
        let two =
            r#"{"summary": "S", "findings": [{"title": "A", "detail": "B"}, {"title": "A", "detail": "B"}]}"#;
        for (analysis_type, text) in [
            (AnalysisType::Detailed, two),
            (AnalysisType::Detailed, r#"{"summary": "S"}"#),
            (AnalysisType::Summary, r#"{"summary": ""}"#),
            (AnalysisType::Summary, r#"{"summary": "S", "entities": []}"#),
        ] {
            assert!(parse(analysis_type, text).is_err(), "{text}");
        }
    }
}
