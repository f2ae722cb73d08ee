//! Nothing that a server has in memory is needed to go on.

use std::thread;

use tokio::time::Instant;

use crate::support::server::Place;

const OBJECTS: usize = 10_000;
const CLIENTS: usize = 64;
/// One of so many objects has bytes; the others are rows alone, and quicker to make.
const FULL: usize = 10;

fn body_of(number: usize) -> String {
    if number.is_multiple_of(FULL) { format!("object {number}") } else { String::new() }
}

#[test]
fn a_server_with_many_objects_answers_at_once() {
    let place = Place::new();
    let server = place.start();
    server.client().open_bucket("/bucket/");
    thread::scope(|scope| {
        for first in 0..CLIENTS {
            let mut client = server.client();
            scope.spawn(move || {
                for number in (first..OBJECTS).step_by(CLIENTS) {
                    let body = body_of(number);
                    client.put(&format!("/bucket/{number}"), body.as_bytes()).unwrap().expect(200);
                }
            });
        }
    });
    server.kill();

    let start = Instant::now();
    let server = place.start();
    let listening = start.elapsed();
    let mut client = server.client();
    let some = OBJECTS / 2;
    let first_answer = client.get(&format!("/bucket/{some}")).unwrap().expect(200);
    let answered = start.elapsed();
    assert_eq!(first_answer.text(), body_of(some));
    assert_eq!(server.scrubbed(), 0);
    println!(
        "{OBJECTS} objects: listening after {listening:?}, first answer after {answered:?}, \
         scrubbed after {:?}",
        start.elapsed()
    );
    let usage = client.signed("GET", "/bucket/?stat", b"").unwrap().expect(200);
    assert_eq!(usage.element("ObjectCount"), Some(OBJECTS.to_string()));
}
