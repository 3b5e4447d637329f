// Programs of tasks that use a queue, against the traces that CPython 3.14 gives for them (rules Q1 to Q6 and traps).
// SPDX-License-Identifier: BSL-1.0
#include "../support/queue_program.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using support::run_queue_program;

BOOST_AUTO_TEST_CASE(Q1_a_get_without_a_wait_takes_the_item_of_a_woken_getter_who_goes_to_the_end_of_the_line) {
  BOOST_TEST(run_queue_program("Q0|..qn..q.q|g|g") == "4mq 4mn1 6mq 7bg2 7mq 8ag3 xxx 0/3/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qn..qqn|g|gg|g") == "4mq 4mn1 6mq 6mq 6mn2 7bg3 16ag! 16bg! 16cg! wwwx 0/3/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q1_a_put_without_a_wait_takes_the_room_of_a_woken_putter_who_goes_to_the_end_of_the_line) {
  BOOST_TEST(run_queue_program("Q1|..nq..n.n.n|pp|p") == "2ap 4mn1 4mq 6mn4 7bp 7mn3 8ap 8mn2 xxx 0/4/0/0 ");
  BOOST_TEST(run_queue_program("Q2|..nqn..n.n.n|ppp|p|p") ==
             "2ap 2ap 4mn1 4mq 4mn2 5ap 6mn6 7cp 7mn3 8bp 8mn5 xxxx 1/6/0/0 ,4");
}

BOOST_AUTO_TEST_CASE(Q1_what_need_not_wait_takes_no_pass) {
  BOOST_TEST(run_queue_program("Q2|ppggq|...g") == "2mp 2mp 2mg1 2mg2 2mq 5ag3 xx 0/3/0/0 ");
  BOOST_TEST(run_queue_program("Q1|jq.|.ng|..q") == "2mj 2mq 3an1 4bq 5ag2 xxx 0/2/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q1_a_put_wakes_a_getter_in_the_next_pass_and_a_get_a_putter) {
  BOOST_TEST(run_queue_program("Q0|..q...qq|g|g|g") == "4mq 5ag1 7mq 7mq 8bg2 8cg3 xxxx 0/3/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..n...n.n|pp|p|p") == "2ap 4mn1 5ap 7mn2 8bp 8mn3 9cp xxxx 1/4/0/0 ,4");
}

BOOST_AUTO_TEST_CASE(Q2_a_put_without_room_is_refused_and_counts_each_item) {
  BOOST_TEST(run_queue_program("Q1|qqnnqsqnn") == "2mq 2mqF 2mn1 2mnE 2mq 2ms 2mqD 2mn3 2mnD x 0/2/0/0 ");
  BOOST_TEST(run_queue_program("Q2|qqqnqqsqnnn|..") ==
             "2mq 2mq 2mqF 2mn1 2mq 2mqF 2ms 2mqD 2mn2 2mn4 2mnD xx 0/3/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q3_a_getter_that_is_cancelled_before_it_was_woken_gets_nothing) {
  BOOST_TEST(run_queue_program("Q0|..c0q...|g|g") == "4mc 4mq 5ag! 5bg1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..c0qc1q...|g|g|g") == "4mc 4mq 4mc 4mq 5ag! 5bg! 5cg1 xxxx 1/2/0/0 ,2");
}

BOOST_AUTO_TEST_CASE(Q3_a_getter_that_is_cancelled_after_it_was_woken_passes_the_item_on) {
  BOOST_TEST(run_queue_program("Q0|..qc0...|g|g") == "4mq 4mc 5ag! 6bg1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qqc0c1...|g|g|g") == "4mq 4mq 4mc 4mc 5ag! 5bg! 6cg1 xxxx 1/2/0/0 ,2");
  BOOST_TEST(run_queue_program("Q0|..qc0n...|g|g") == "4mq 4mc 4mn1 5ag! 16bg! xwx 0/1/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q3_a_putter_that_is_cancelled_leaves_the_line_or_passes_the_room_on) {
  BOOST_TEST(run_queue_program("Q1|..c0n...n|.pp|pp|p") == "2bp 4mc 4mn1 5ap! 5bp 7mn2 8cp xxxx 1/3/0/0 ,3");
  BOOST_TEST(run_queue_program("Q1|..nc0...n.n|pp|p|p") == "2ap 4mn1 4mc 5ap! 6bp 7mn3 8cp 8mn4 xxxx 0/3/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..nc0q..n.n|pp|p|p") == "2ap 4mn1 4mc 4mq 5ap! 6mn5 7bp 7mn3 8cp xxxx 1/4/0/0 ,4");
  BOOST_TEST(run_queue_program("Q2|..nnc0c1...n.n|ppp|p|p") ==
             "2ap 2ap 4mn1 4mn2 4mc 4mc 5ap! 5bp! 6cp 7mn5 8mnE xxxx 0/3/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q4_task_done_is_refused_once_all_is_done_and_lets_the_joiners_go) {
  BOOST_TEST(run_queue_program("Q0|dqq.nd.nd..d|.j|.j") == "2mdV 2mq 2mq 3mn1 3md 4mn2 4md 5aj 5bj 6mdV xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q0|qj|...nd|.j") == "2mq 5an1 5ad 6mj 6bj xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q0|qnd|.jq.j|.j") == "2mq 2mn1 2md 3aj 3aq 16aj! 16bj! wwx 1/1/0/0 ,2");
}

BOOST_AUTO_TEST_CASE(Q4_join_without_unfinished_items_takes_no_pass) {
  BOOST_TEST(run_queue_program("Q0|j.qndjj") == "2mj 3mq 3mn1 3md 3mj 3mj x 0/0/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q4_a_joiner_that_was_woken_goes_on_though_an_item_came_since) {
  BOOST_TEST(run_queue_program("Q0|q.ndq...|.j|.j") == "2mq 3mn1 3md 3mq 4aj 4bj xxx 1/1/0/0 ,2");
}

BOOST_AUTO_TEST_CASE(Q5_shutdown_lets_getters_drain_and_refuses_puts) {
  BOOST_TEST(run_queue_program("Q0|qq.s....|...gg|...g|...p") == "2mq 2mq 3ms 5ag1 5ag2 5bgD 5cpD xxxx 0/2/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..s....|pp|p|.p") == "2ap 4ms 5apD 5bpD 5cpD xxxx 1/1/0/0 ,1");
}

BOOST_AUTO_TEST_CASE(Q5_shutdown_wakes_all_who_wait) {
  BOOST_TEST(run_queue_program("Q0|..s...|g|g|g") == "4ms 5agD 5bgD 5cgD xxxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..S...|g|g|g") == "4mS 5agD 5bgD 5cgD xxxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..s...n|pp|.p|..j") == "2ap 4ms 5apD 5bpD 7mn1 16cj! xxwx 0/1/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q5_immediate_shutdown_drops_the_items_and_releases_join) {
  BOOST_TEST(run_queue_program("Q0|qqq...S...|..j|..j") == "2mq 2mq 2mq 5mS 6aj 6bj xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q0|qqq.n..S..d..d|..j|..j") == "2mq 2mq 2mq 3mn1 5mS 7md 8aj 8bj 9mdV xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q2|..S..nqS|ppp|.p|.j") == "2ap 2ap 4mS 5cj 5apD 5bpD 6mnD 6mqD 6mS xxxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q0|qq.s..S..|..j|....gg") == "2mq 2mq 3ms 5mS 6bgD 6bgD 6aj xxx 0/0/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q5_a_getter_that_was_woken_meets_a_shutdown) {
  BOOST_TEST(run_queue_program("Q0|..qs...|g|g") == "4mq 4ms 5ag1 5bgD xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qS...|g|g") == "4mq 4mS 5agD 5bgD xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..ns...|pp|p") == "2ap 4mn1 4ms 5apD 5bpD xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..nS...|pp|p") == "2ap 4mn1 4mS 5apD 5bpD xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..sc0...|g|g") == "4ms 4mc 5ag! 5bgD xxx 0/0/0/0 ");
}

BOOST_AUTO_TEST_CASE(Q6_no_limit_for_zero_or_less) {
  BOOST_TEST(run_queue_program("Q0|qqqqqqqqqq") ==
             "2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mq x 10/10/0/0 ,1,2,3,4,5,6,7,8,9,10");
}

BOOST_AUTO_TEST_CASE(Q6_the_newest_first) {
  BOOST_TEST(run_queue_program("L0|qqqnqnnn") == "2mq 2mq 2mq 2mn3 2mq 2mn4 2mn2 2mn1 x 0/4/0/0 ");
  BOOST_TEST(run_queue_program("L2|..nqn..nn|pppp|p") ==
             "2ap 2ap 4mn2 4mq 4mn5 5ap 6mn3 6mn1 7ap 7bp xxx 2/6/0/0 ,4,6");
}

BOOST_AUTO_TEST_CASE(Q6_the_smallest_first) {
  BOOST_TEST(run_queue_program("P0|qqqqqqnnnnnn") ==
             "2mq 2mq 2mq 2mq 2mq 2mq 2mn3 2mn6 2mn1 2mn4 2mn2 2mn5 x 0/6/0/0 ");
  BOOST_TEST(run_queue_program("P2|..nqn..nn|pppp|p") ==
             "2ap 2ap 4mn1 4mq 4mn2 5ap 6mn3 6mn5 7ap 7bp xxx 2/6/0/0 ,6,4");
}

BOOST_AUTO_TEST_CASE(Q6_equal_items_leave_in_heapqs_order) {
  BOOST_TEST(run_queue_program("P0|qqqqqqqqqnqqqnnqqnnnnnnnnnnn") ==
             "2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mq 2mn3 2mq 2mq 2mq 2mn6 2mn9 2mq 2mq 2mn12 2mn7 2mn1 2mn4 2mn13 2mn10 "
             "2mn2 2mn14 2mn11 2mn5 2mn8 x 0/14/0/0 ");
}

BOOST_AUTO_TEST_CASE(trap_17_no_item_is_lost_when_a_woken_getter_is_cancelled) {
  BOOST_TEST(run_queue_program("Q0|..qc0..|g|.g") == "4mq 4mc 5ag! 6bg1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qr0..|G|g") == "4mq 4mr 5aG1 16bg! xwx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..r0q..|G|g") == "4mr 4mq 5aGT 6bg1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qc0r0..|G|g") == "4mq 4mc 4mr 5aG! 6bg1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..qc0q..|g|g|p") == "2cp 3ag1 4mq 4mc 4mqF 5bg2 xxxx 0/2/0/0 ");
}

BOOST_AUTO_TEST_CASE(trap_18_several_putters_on_a_small_queue) {
  BOOST_TEST(run_queue_program("Q1|.....n.n.n.n.n.n|pp|pp|pp") ==
             "2ap 7mn1 8ap 8mn2 9bp 9mn3 10cp 10mn4 11bp 11mn5 12cp 12mn6 xxxx 0/6/0/0 ");
  BOOST_TEST(run_queue_program("Q1|.ggg.ggg|pp|pp|pp") ==
             "2ap 3mg1 4ap 5mg2 6bp 7mg3 8cp 8mg4 9bp 10mg5 11cp 12mg6 xxxx 0/6/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..nnc0c1....nn|pp|p|p|p") ==
             "2ap 4mn1 4mnE 4mc 4mc 5ap! 5bp! 6cp 8mn4 8mnE 9dp xxxxx 1/3/0/0 ,5");
}

BOOST_AUTO_TEST_CASE(trap_20_a_put_that_need_not_wait_overtakes_those_that_wait_as_cpython_3_14) {
  BOOST_TEST(run_queue_program("Q1|..np.n.n|pp|p") == "2ap 4mn1 4mp 5mn4 6bp 6mn3 7ap xxx 1/4/0/0 ,2");
  BOOST_TEST(run_queue_program("Q1|..n....n|pp|..p|p") == "2ap 4mn1 5ap 8mn2 9cp 16bp! xwxx 1/3/0/0 ,3");
  BOOST_TEST(run_queue_program("Q1|..n.p..n.n|pp|.p|.p") == "2ap 4mn1 5ap 16bp! 16cp! 16mp! xwww 1/2/0/0 ,2");
}

BOOST_AUTO_TEST_CASE(trap_21_cancelled_putters_and_getters_leave_the_line) {
  BOOST_TEST(run_queue_program("Q1|..c0c1c2...n..q|pp|p|p|p") ==
             "2ap 4mc 4mc 4mc 5ap! 5bp! 5cp! 7mn1 8dp 9mqF xxxxx 1/2/0/0 ,5");
  BOOST_TEST(run_queue_program("Q0|..c0c1c2...q..q|g|g|g|g") ==
             "4mc 4mc 4mc 5ag! 5bg! 5cg! 7mq 8dg1 9mq xxxxx 1/2/0/0 ,2");
}

BOOST_AUTO_TEST_CASE(trap_83_an_item_that_a_woken_getter_waits_for_can_be_taken_once) {
  BOOST_TEST(run_queue_program("Q0|..qnn...q|g|g") == "4mq 4mn1 4mnE 7mq 8bg2 16ag! wxx 0/2/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..qqnnn...q|g|g") == "4mq 4mq 4mn1 4mn2 4mnE 7mq 8ag3 16bg! xwx 0/3/0/0 ");
}

BOOST_AUTO_TEST_CASE(wait_for_without_time_does_not_begin) {
  BOOST_TEST(run_queue_program("Q0|q...|w.g|..w") == "2mq 5awT 6ag1 7bwT xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q1|q....n|W.p|..p") == "2mq 5aWT 6mn2 7bp 16ap! wxx 1/2/0/0 ,3");
}

BOOST_AUTO_TEST_CASE(timeouts_that_meet_a_put_or_a_get_in_one_pass) {
  BOOST_TEST(run_queue_program("Q0|..qr0...|G|G") == "4mq 4mr 5aG1 16bG! xwx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..r0q...|G|G") == "4mr 4mq 5aGT 6bG1 xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q1|.q.nr0...n|..P|.P") == "3bP 3mqF 4mn1 4mr 5aP 7mn3 xxx 0/2/0/0 ");
  BOOST_TEST(run_queue_program("Q1|.q.r0n...n|..P|.P") == "3bP 3mqF 4mr 4mn1 5aPT 7mnE xxx 0/1/0/0 ");
  BOOST_TEST(run_queue_program("Q0|..r0s...|G|G") == "4mr 4ms 5aGT 5bGD xxx 0/0/0/0 ");
  BOOST_TEST(run_queue_program("Q1|..sr0...|PP|P") == "2aP 4ms 4mr 5aPD 5bPD xxx 1/1/0/0 ,1");
}
