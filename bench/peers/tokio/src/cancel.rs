// SPDX-License-Identifier: BSL-1.0
use crate::meter::{resident_bytes, Meter};
use crate::{tasks::start_sleepers, HOUR};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::task::{yield_now, JoinHandle};

async fn sleep(begun: Arc<AtomicUsize>) {
    begun.fetch_add(1, Relaxed);
    tokio::time::sleep(HOUR).await;
}

fn sleep_in(depth: usize, begun: Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if depth > 1 {
            sleep_in(depth - 1, begun).await
        } else {
            sleep(begun).await
        }
    })
}

async fn start(n: usize, depth: usize) -> Vec<JoinHandle<()>> {
    let begun = Arc::new(AtomicUsize::new(0));
    let tasks = (0..n)
        .map(|_| match depth {
            1 => tokio::spawn(sleep(begun.clone())),
            _ => tokio::spawn(sleep_in(depth, begun.clone())),
        })
        .collect();
    while begun.load(Relaxed) < n {
        yield_now().await;
    }
    tasks
}

async fn cancel(tasks: Vec<JoinHandle<()>>) {
    for t in &tasks {
        t.abort();
    }
    for t in tasks {
        t.await.unwrap_err();
    }
}

pub async fn sleepers(m: &mut Meter, n: usize) {
    let before = resident_bytes();
    let mut creation = Meter::default();
    creation.start();
    let tasks = start(n, 1).await;
    creation.stop();
    m.add("bytes", (resident_bytes() - before) / n as f64);
    m.add("create_ns", creation.cpu_ns());
    m.start();
    cancel(tasks).await;
    m.stop();
}

pub async fn cancel_depth(m: &mut Meter, n: usize, depth: usize) {
    for begin in (0..n).step_by(1000) {
        let tasks = start((n - begin).min(1000), depth).await;
        m.start();
        cancel(tasks).await;
        m.stop();
    }
}

pub async fn cancel_among(m: &mut Meter, n: usize, sleepers: usize) {
    start_sleepers(sleepers).await;
    cancel_depth(m, n, 1).await;
}
