//! The cases of the comparison as a program on tokio's `current_thread` runtime does them.
// SPDX-License-Identifier: BSL-1.0
mod cancel;
mod echo;
mod meter;
mod sync;
mod tasks;
mod threads;

use meter::Meter;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

const CASES: &[&str] = &[
    "create_await", "spawn", "yield", "gather", "group", "timeout", "timeout_turn", "exception",
    "sleepers", "cancel_depth", "cancel_among", "queue_pingpong", "queue_prodcons", "queue_getters",
    "event_pingpong", "event_waiters", "lock_uncontended", "lock_contended", "thread_roundtrip",
    "thread_submit", "thread_queue", "echo",
];

async fn run(case: &str, m: &mut Meter, n: usize, size: usize) {
    match case {
        "create_await" => tasks::create_await(m, n, size).await,
        "spawn" => tasks::spawn(m, n, size).await,
        "yield" => tasks::yield_often(m, n, size).await,
        "gather" => tasks::gather(m, n, size).await,
        "group" => tasks::group(m, n, size).await,
        "timeout" => tasks::timeout(m, n, size).await,
        "timeout_turn" => tasks::timeout_turn(m, n, size).await,
        "exception" => tasks::exception(m, n, size).await,
        "sleepers" => cancel::sleepers(m, n).await,
        "cancel_depth" => cancel::cancel_depth(m, n, size).await,
        "cancel_among" => cancel::cancel_among(m, n, size).await,
        "queue_pingpong" => sync::queue_pingpong(m, n).await,
        "queue_prodcons" => sync::queue_prodcons(m, n, size).await,
        "queue_getters" => sync::queue_getters(m, n, size).await,
        "event_pingpong" => sync::event_pingpong(m, n).await,
        "event_waiters" => sync::event_waiters(m, n, size).await,
        "lock_uncontended" => sync::lock_uncontended(m, n).await,
        "lock_contended" => sync::lock_contended(m, n, size).await,
        "thread_roundtrip" => threads::roundtrip(m, n).await,
        "thread_submit" => threads::submit(m, n, size).await,
        "thread_queue" => threads::queue(m, n, size).await,
        _ => echo::serve(n).await,
    }
}

fn usage(program: &str) -> ! {
    eprintln!("usage: {program} CASE N [SIZE]; for an echo server N is the port");
    eprintln!("cases: {}", CASES.join(" "));
    std::process::exit(2)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let numbers: Vec<usize> = arguments.iter().skip(2).filter_map(|text| text.parse().ok()).collect();
    let case = match arguments.get(1).and_then(|name| CASES.iter().find(|c| *c == name)) {
        Some(case) if (3..=4).contains(&arguments.len()) && numbers.len() == arguments.len() - 2 => case,
        _ => usage(&arguments[0]),
    };
    let size = numbers.get(1).copied().unwrap_or(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // In a task of its own, like most code of a server: to wake the future of `block_on` costs a system call.
    let n = numbers[0];
    let main = async move {
        tokio::spawn(tokio::time::sleep(24 * HOUR));
        let mut m = Meter::default();
        run(case, &mut m, n, size).await;
        m.report(case, n, size)
    };
    runtime.block_on(async { tokio::spawn(main).await.unwrap() })
}
