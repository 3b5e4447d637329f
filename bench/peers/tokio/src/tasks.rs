// SPDX-License-Identifier: BSL-1.0
use crate::{meter::Meter, HOUR};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::task::{yield_now, JoinSet};

async fn trivial() {}

/// Tasks that sleep until the end of the program; they have begun when it returns.
pub async fn start_sleepers(n: usize) {
    let begun = Arc::new(AtomicUsize::new(0));
    for _ in 0..n {
        let begun = begun.clone();
        tokio::spawn(async move {
            begun.fetch_add(1, Relaxed);
            tokio::time::sleep(2 * HOUR).await;
        });
    }
    while begun.load(Relaxed) < n {
        yield_now().await;
    }
}

pub async fn create_await(m: &mut Meter, n: usize, sleepers: usize) {
    start_sleepers(sleepers).await;
    m.start();
    for _ in 0..n {
        tokio::spawn(trivial()).await.unwrap();
    }
    m.stop();
}

pub async fn spawn(m: &mut Meter, n: usize, tasks: usize) {
    m.start();
    for _ in 0..(n + tasks - 1) / tasks {
        let started: Vec<_> = (0..tasks).map(|_| tokio::spawn(trivial())).collect();
        for t in started {
            t.await.unwrap();
        }
    }
    m.stop();
}

pub async fn yield_often(m: &mut Meter, n: usize, tasks: usize) {
    let started: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..n / tasks {
                    yield_now().await;
                }
            })
        })
        .collect();
    yield_now().await;
    m.start();
    for t in started {
        t.await.unwrap();
    }
    m.stop();
}

/// `join_all` of the futures crate does the same with the handles.
pub async fn gather(m: &mut Meter, n: usize, tasks: usize) {
    m.start();
    for _ in 0..(n + tasks - 1) / tasks {
        let started: Vec<_> = (0..tasks).map(|_| tokio::spawn(trivial())).collect();
        let mut results = Vec::with_capacity(tasks);
        for t in started {
            results.push(t.await);
        }
    }
    m.stop();
}

pub async fn group(m: &mut Meter, n: usize, tasks: usize) {
    m.start();
    for _ in 0..(n + tasks - 1) / tasks {
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            set.spawn(trivial());
        }
        while let Some(result) = set.join_next().await {
            result.unwrap();
        }
    }
    m.stop();
}

pub async fn timeout(m: &mut Meter, n: usize, sleepers: usize) {
    start_sleepers(sleepers).await;
    m.start();
    for _ in 0..n {
        tokio::time::timeout(HOUR, std::future::ready(())).await.unwrap();
    }
    m.stop();
}

pub async fn timeout_turn(m: &mut Meter, n: usize, sleepers: usize) {
    start_sleepers(sleepers).await;
    m.start();
    for _ in 0..n {
        tokio::time::timeout(HOUR, yield_now()).await.unwrap();
    }
    m.stop();
}

fn fail(depth: usize) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>> {
    Box::pin(async move {
        if depth > 1 {
            fail(depth - 1).await?;
        }
        Err("failed")
    })
}

/// An error is a value here and returned; nothing is thrown.
pub async fn exception(m: &mut Meter, n: usize, depth: usize) {
    m.start();
    for _ in 0..n {
        tokio::spawn(fail(depth)).await.unwrap().unwrap_err();
    }
    m.stop();
}
