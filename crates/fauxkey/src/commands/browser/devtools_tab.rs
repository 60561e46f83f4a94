//! A page of Chromium's family, driven over DevTools.
use super::pipe::Pipe;
use super::tab::{Happening, LONGEST_POST, Tab, first_line};
use serde_json::{Value, json};
use std::sync::mpsc::Receiver;
use std::time::Instant;
use wire::base64url;

/// By which scripts of ours reach this program. Pages do not find it.
const BINDING: &str = "__fauxkeyMatrix";

/// A page's session.
pub(super) struct DevToolsTab {
    pub(super) pipe: Pipe,
    pub(super) session: String,
    /// Of all sessions.
    pub(super) events: Receiver<Value>,
}

impl DevToolsTab {
    fn ask(&self, method: &str, parameters: Value) -> Result<Value, String> {
        self.pipe.ask(Some(&self.session), method, parameters)
    }
}

impl Tab for DevToolsTab {
    fn prepare(&self, watch: &str) -> Result<(), String> {
        self.ask("Page.enable", json!({}))?;
        self.ask("Runtime.enable", json!({}))?;
        self.ask("Network.enable", json!({ "maxPostDataSize": LONGEST_POST }))?;
        self.ask("Runtime.addBinding", json!({ "name": BINDING }))?;
        let source = format!(
            "((watch) => {{ const send = globalThis.{BINDING}; if (!send) return; delete globalThis.{BINDING}; \
             watch(send); }})({watch});"
        );
        self.ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source }))?;
        // Nobody clicked on this window, and WebAuthn wants its page to have the focus. Not every browser knows it.
        let _unknown = self.ask("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        Ok(())
    }

    fn open(&self, url: &str) -> Result<(), String> {
        let opened = self.ask("Page.navigate", json!({ "url": url }))?;
        opened["errorText"].as_str().map_or(Ok(()), |why| Err(why.to_owned()))
    }

    fn evaluate(&self, expression: &str) -> Result<Option<Value>, String> {
        let ask = json!({ "expression": expression, "returnByValue": true, "userGesture": true });
        let Ok(mut done) = self.ask("Runtime.evaluate", ask) else { return Ok(None) };
        match done["exceptionDetails"]["exception"]["description"].as_str() {
            Some(why) => Err(first_line(why)),
            None => Ok(Some(done["result"]["value"].take())),
        }
    }

    fn hear(&self, end: Instant) -> Vec<Happening> {
        let mut heard = Vec::new();
        while let Ok(event) = self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if event["sessionId"] == self.session.as_str() {
                heard.extend(happening(&event));
            }
        }
        heard
    }

    fn body(&self, id: &str) -> String {
        let body = self.ask("Network.getResponseBody", json!({ "requestId": id })).unwrap_or_default();
        body["body"].as_str().unwrap_or_default().to_owned()
    }

    fn quit(&self) {
        let _gone = self.pipe.send(None, "Browser.close", json!({}));
    }
}

fn happening(event: &Value) -> Option<Happening> {
    let parameters = &event["params"];
    let id = || parameters["requestId"].as_str().unwrap_or_default().to_owned();
    Some(match event["method"].as_str()? {
        "Runtime.bindingCalled" if parameters["name"] == BINDING => {
            Happening::Told(parameters["payload"].as_str()?.to_owned())
        }
        "Network.requestWillBeSent" => {
            let request = &parameters["request"];
            let method = request["method"].as_str().unwrap_or_default();
            let kind = parameters["type"].as_str().unwrap_or_default();
            Happening::Sent {
                id: id(),
                name: format!("{method} {}", request["url"].as_str().unwrap_or_default()),
                is_call: matches!(kind, "XHR" | "Fetch" | "Ping") || method == "POST",
                bodies: bodies(request),
            }
        }
        "Network.responseReceived" => Happening::Answered(id(), parameters["response"]["status"].as_u64()),
        "Network.loadingFinished" | "Network.loadingFailed" => Happening::Ended(id()),
        _ => return None,
    })
}

/// What a request has in its body: as text, and as the bytes that text cannot be made of.
fn bodies(request: &Value) -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    bodies.extend(request["postData"].as_str().map(|text| text.as_bytes().to_vec()));
    let entries = request["postDataEntries"].as_array().into_iter().flatten();
    let bytes = entries.filter_map(|entry| base64url::decode_lenient(entry["bytes"].as_str()?));
    bodies.push(bytes.flatten().collect());
    bodies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_with_its_body_as_text_and_as_bytes() {
        let entries = json!([{ "bytes": "+/+/" }, { "bytes": "AAECAwQ=" }]);
        let request = json!({ "method": "POST", "url": "/x", "postData": "ab", "postDataEntries": entries });
        let event = json!({
            "method": "Network.requestWillBeSent",
            "params": { "requestId": "7", "type": "Document", "request": request },
        });
        let bodies = vec![b"ab".to_vec(), vec![0xfb, 0xff, 0xbf, 0, 1, 2, 3, 4]];
        let sent = Happening::Sent { id: "7".into(), name: "POST /x".into(), is_call: true, bodies };
        assert_eq!(happening(&event), Some(sent));
    }

    #[test]
    fn what_the_markup_asks_for_is_no_call_and_strangers_bindings_are_not_heard() {
        let event = |method: &str, params: Value| happening(&json!({ "method": method, "params": params }));
        let request = json!({ "method": "GET", "url": "/x.png" });
        let image = event(
            "Network.requestWillBeSent",
            json!({ "requestId": "1", "type": "Image", "request": request }),
        );
        assert!(matches!(image, Some(Happening::Sent { is_call: false, .. })));
        for (name, told) in [(BINDING, Some(Happening::Told("x".into()))), ("other", None)] {
            assert_eq!(event("Runtime.bindingCalled", json!({ "name": name, "payload": "x" })), told);
        }
        assert_eq!(event("Page.loadEventFired", json!({})), None);
    }
}
