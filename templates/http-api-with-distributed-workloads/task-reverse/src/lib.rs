//! The worker of the subject `tasks.reverse`: turns texts round.

wit_bindgen::generate!({
    path: "../wit",
    world: "task",
    generate_all,
});

use exports::wasmcloud::messaging::handler::Guest;
use wasmcloud::messaging::consumer;
use wasmcloud::messaging::types::BrokerMessage;

const SUBJECT: &str = "tasks.reverse";

struct Worker;
export!(Worker);

fn work(text: &str) -> String {
    text.chars().rev().collect()
}

impl Guest for Worker {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let Some(reply_to) = message.reply_to.filter(|_| message.subject == SUBJECT) else {
            return Ok(()); // another's, or nobody waits for it
        };
        let text = String::from_utf8(message.body).map_err(|_| "the task is not text".to_string())?;
        consumer::publish(&BrokerMessage {
            subject: reply_to,
            body: work(&text).into_bytes(),
            reply_to: None,
        })
    }
}
