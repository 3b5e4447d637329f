// Random programs of tasks that use a lock, a semaphore, an event, a condition and a barrier, against the traces that
// CPython 3.14 gives for them: cancellations and ends of time that meet releases, sets, notifications and arrivals.
// SPDX-License-Identifier: BSL-1.0
#include "../support/sync_program.hpp"

#include <boost/test/unit_test.hpp>

namespace {

struct sample {
  const char* program;
  const char* trace;
};

// Chosen from 4,000 for the many kinds of neighbours in their traces.
const sample samples[] = {
    {"12|..c1atBe0.Lmlc1tBLc1nl..|LtNl.|L.NlBe1", "2aL 2bL 4mc 4ma 4mBK 4me 5bN! 5bl 5bBK 5be 5mL 5mm 5ml 5mc 5mBK 5mL "
                                                  "5mc 5mn 5ml 6aNT 6al | xxx free 0 1/0 0 0 0K/0"},
    {"23|..e2Bc1rxsc3B..|tBWe0|BtW.tB|tB..B|BWtB", "2cB2 3aB0 3bB1 4me 4mB2 4mc 4mr 4mx 4ms 4mc 5dB! 5dW 5cBK 5bW! 5aW "
                                                   "5ae 6bB2 7mB0 7dB1 | xxxxx free 0 2/0 0 0 0/0"},
    {"23|..pLnlppc1|Ppc2L.NlP.p|Pp.Ppe1|LNl",
     "2aP 2ap 2ac 2aL 2bP 2bp 3bP 3bp 3be 4mpV 4mL 4mn 4ml 4mpV 4mpV 4mc 5aN 5al 5aP 6ap | xxxx free 0 2/0 0 0 0/0"},
    {"12|..lc1..e1lL.lle0|LltLle1.|L.le1tL.l.tLl..tL.l",
     "2aL 2al 2aL 2al 2ae 2bL 3bl 3be 3bL 4bl 4mlE 4mc 5b.! 5bL 5bl 6me 6mlE 6mL 7ml 7mlE 7me 8bL 9bl | xxx free 0 1/0 "
     "0 0 0/0"},
    {"02|L..l.c0a.e0l..|B.tB|BtBc1Lle0tB|Bc0tL.l..tB", "2bB1 2mL 3aB0 4cB1 4cc 4a.! 4ml 5bB0 5bc 5cL 5mc 5ma 6aB! 6bL! "
                                                       "6bl 6be 6bBK 6clE 6me 6mlE 8cBK | xxxx free 0 0/0 0 0 0K/0"},
    {"13|..pc0.e1ppc1..e0p.|tPP.P.pe1|Pp..PpP..",
     "2aP 4mp 4mc 5aP! 5me 5mp 5mpV 5mc 6bP! 6bpV 6aP 7apV 7ae 7me 7mpV 8bP 8bp 8bP | xxx free 0 0/0 0 0 0/0"},
    {"13|..c1p.Pc1psxe1.Pc0|Wc1|PtW",
     "2bP 4mc 4mp 5bW! 5mP 5mc 5mp 5ms 5mx 5me 6aW 6ac 6mP 6mc | xxx free 0 0/0 0 0 0/0"},
    {"02|..xsc1Ll|tLlc0tWc1|L.lW",
     "2aL 2al 2ac 2bL 3aW! 3ac 3b.! 3bl 4mx 4ms 4mc 4mL 4ml 5bW! | xxx free 0 0/0 0 0 0/0"},
    {"23|..Be2e2c1aa|B.BBtB|tBc0BBc1.Bc1.|BB", "2cB2 3aB0 3bB1 3bc 4a.! 4cB2 5bB0 5aB1 6bB2 6bc 7aB0 7mB1 7me 7me 7mc "
                                               "7ma 7ma 7b.! 7bBK 7bc 8aBK 8b.! | xxxx free 0 2/0 0 0 0K/0"},
    {"12|..ac0r.re1.B|B.BB|Bc1.tBBB.",
     "2bB1 2bc 3aB0 3b.! 4aB1 4ma 4mc 4mr 5bBK 5aB! 5mr 5me 6bBK 6mB1 7bB0 | xxx free 0 1/0 0 0 0/0"},
    {"22|..e0Pppc1P.pc1|P.p|P.pe2..|P.ptP.P",
     "2aP 2bP 3ap 3bp 3be 4cP 4me 4mP 4mp 4mp 4mc 4mP 5cp 5cP 5b.! 5mp 5mc 6cP | xxxx free 0 1/0 0 0 0/0"},
    {"22|L..c0e1L.l|tL.lc1.tL.lc0..|LltL.lL.ltLl", "2aL 3al 3ac 4bL! 4blE 5mL 7mc 7me 8aL! 9al 9ac 9bLT 10a.! 10mL "
                                                   "10bl 10bL 11ml 11blE 11bL 11bl | xxx free 0 2/0 0 0 0/0"},
    {"12|..e1xs..sx.xsc0sxc1.|tWe1W|tWW.tW..",
     "4me 4mx 4ms 5aW 5ae 5aW 5bWT 5bW 6bW 6ms 6mx 7mx 7ms 7mc 7ms 7mx 7mc 8b.! | xxx free 0 1/0 0 0 0/0"},
    {"12|L..ppe1c1Lle0|tPe1.tLl.|L.le0tLltP.",
     "2aP 2ae 2bL 3bl 3be 4mL 5aLT 5al 6mp 6mpV 6me 6mc 6bL! 6blE 6bP 7mL 7ml 7me | xxx free 0 0/0 0 0 0/0"},
    {"03|..c1B.ac0.a.e1a|BB..B.|BtBe0B",
     "4mc 4mB2 5bB! 5aB0 5ma 5mc 6bBK 6be 6bBK 6aB! 6ma 7me 7ma 8aBK | xxx free 0 0/0 0 0 0K/0"},
    {"23|..Le1nl.Lnc1l..LnlLne1l.|LNlLtNl..|L.Nl", "2aL 2bL 4mL 4me 4mn 4ml 5aN 5al 5aL 5mL 5mn 5mc 5ml 6bN! 6bl 7aN "
                                                   "7al 7mL 7mn 7ml 7mL 7mn 7me 7ml | xxx free 0 2/0 0 0 0/0"},
    {"12|..c0..ae2..c3.|BPp.P.p|Pp.PpB|tBtBc1|tP..B..",
     "2bP 2bp 2cB1 2dP 3aB0 4dB1 4mc 5cB0 5cc 5aP! 5ap 6bP! 6bpV 6aP 6ma 6me 7ap 7bBK 8mc | xxxxx free 0 1/0 0 0 0K/0"},
    {"22|L..c0s.c2lc1|L.lL.l..|Wc2We2.|tWe1tL.ltWtW", "2aL 3al 4mL 6mc 6ms 7aL! 7bW 7bc 7bW 7be 7cW! 7ce 7mc 7ml 7mc "
                                                      "8alE 8b.! 8cL! 9clE 9cW 9cW | xxxx free 0 2/0 0 0 0/0"},
    {"22|L....Bc1..re0L.le1.l|tBBc2.B.|tL.lc0tLl|tB.B", "2bL 2cB1 3bl 3bc 3aB! 3cB1 4mL 4aB0 4ac 8mB1 8mc 9aB0 9bL! "
                                                        "9bl 10mr 10me 10mL 11ml 11me 12mlE | xxxx free 0 2/0 0 0 0/0"},
    {"22|..c0c0B.xsc0.e1Bsxc1e0tB|tWB|tB..tWtB",
     "4mc 4mc 4mB1 5aW! 5bB0 5mx 5ms 5mc 6aB! 6me 7bW 7bB1 8mB0 8ms 8mx 8mc 8me 16mB! | xxx free 0 2/0 0 0 0/0"},
    {"12|L..c0le1.|tL.lL.lLle0|tLlc1tL.ltLl.tL.lc1.", "2aL 3al 4bL 4bl 4bc 5mL 5bL! 6bl 7mc 7mlE 7me 7aL! 8bLT 8blE "
                                                      "8alE 8aL 8al 8ae 9bL 10bl 10bc 11b.! | xxx free 0 1/0 0 0 0/0"},
    {"13|..c0BB|B..tBB..Be3.|Bc1.B..tBB|BBe0|tB", "2cB2 3aB0 3bB1 3bc 4b.! 4bB2 4mc 5a.! 5cB0 5ce 5dB1 6aBT 6bB2 7mB0 "
                                                  "7aB1 9aB2 9ae 10bB0 10mB1 | xxxxx free 0 1/0 0 0 0/0"},
    {"12|...Lmls.|L.Nl|LNltWtW.", "2aL 4bL 5mL 5mm 5ml 5ms 6aN 6al 6bN 6bl 6bW 6bW | xxx free 0 1/0 0 0 0/0"},
    {"23|..aBB..tB.e1|tBBe0..Bc2..tB.|Bc0B|tBB.B.Bc2", "2cB2 3aB0 3bB1 3bc 4aB! 4ae 4ma 4mBK 4mBK 5bBK 5cBK 6aBK 6ac "
                                                       "6c.! 6cBK 6mBK 7cBK 7cc 7me 8aBK | xxxx free 0 2/0 0 0 0K/0"},
    {"12|..p.ppc0|P.p..B.P.pB.|tPB|tPBtB|BtB.P.B", "2aP 3ap 4bP 4bB1 4mp 5dB0 5aB1 5cP 5mp 5mpV 5mc 6dB0 6a.! 6aP 7ap "
                                                   "7aB1 8dP 8cB0 9dB1 10cB0 | xxxxx free 0 0/0 0 0 0/0"},
    {"02|..Be1..xse3|tBe1B|tWBc0|Wc1B|tWc0W.W",
     "4mB1 4me 5aB0 5ae 6mx 6ms 6me 7bWT 7bB1 7bc 7cW 7cc 7dW 7dc 7dW 8aB! 8dW 16cB! | xxxxx free 0 0/0 0 0 0/0"},
    {"12|..pe0c0xs.c1|Pp..|tPWWP.p..|P.p.WPc3|tP..tW.", "2aP 2ap 2bP 4mp 4me 4mc 4mx 4ms 5cP 5bW 5bW 5mc 6cp 6bP! 7dP "
                                                        "7cW 7bp 8cP 8cc 9d.! 9dW | xxxxx free 0 0/0 0 0 0/0"},
    {"12|..Le0nl..c0Ba|LtNl.LNlL.Nl|tBc1..",
     "2aL 4mL 4me 4mn 4ml 5aNT 5al 6aL 6mc 6mB1 6ma 7aN! 7al 7aL 7bBK 7bc 8b.! 16aN! 16al | xxx free 0 1/0 0 0 0K/0"},
    {"13|..ae1c0p..ppc1.Bae0..|P.pP|Bc1.B",
     "2aP 3ap 3aP 4ma 4me 4mc 4mp 5bBK 5bc 6b.! 6bBK 6mpV 6mpV 6mc 7mBK 7ma 7me | xxx free 0 1/0 0 0 0K/0"},
    {"12|..e2x.ppc1.x..c3xsc1p..|P.pPc2tPW|We1W.|tW..|tW",
     "2aP 3ap 3aP 3ac 4cW! 4me 4mx 5mp 5mp 5mc 6aP 6bW! 6be 6mx 8mc 8mx 8ms 8mc 8mpV 9dW! 9aW 9bW! | xxxxx free 0 1/0 "
     "0 0 0/0"},
    {"02|..c0e1..tBc0rc1..|tB..BB|Be0..Be1tBc1B",
     "2bB1 2be 3aB0 4mc 4me 5a.! 5aB1 6bB0 6be 6mB1 6mc 6mr 6mc 7aB! 7bB! 7bc 8bB! | xxx free 0 0/0 0 0 0/0"},
    {"12|...Lne1lx.sLml.|LtNl.LNlLtNl.tW|W.W", "2aL 5mL 5mn 5me 5ml 5mx 6aN 6al 6ms 6mL 6mm 6ml 7aL 7bW 8bW 16aN! 16al "
                                               "16aL 18aN! 18al 19aW | xxx free 0 1/0 0 0 0/0"},
    {"02|..Le2nlc2r|Bc2LtNl.B|B..|LNltBL.Nl", "2bB1 2cL 3aB0 3ac 3aL 4cN! 4cl 4mL 4me 4mn 4ml 4mc 4mr 5aN 5al 5cB! 5cL "
                                              "16aB! 16cN! 16cl | xxxx free 0 0/0 0 0 0/0"},
    {"12|..e2l..ppc1e1..p.|tL.l.|P.p..Pp.tLlc0|tL.l..L.l..tP",
     "2aL 2bP 3al 3bp 4cL 4me 4ml 5clE 5bP 5bp 6bL 6bl 6bc 6mpV 6mpV 6mc 6me 7cL 8cl 8mpV 10cP | xxxx free 0 0/0 0 0 "
     "0/0"},
    {"23|..xe0L.nlL.nl.|tW..|LNNl|LtNl..LtNl",
     "2bL 2cL 4mx 4me 4mL 5mn 5ml 5mL 6aWT 6mn 6ml 7bN 8cN 8cl 10cL 16bN! 16bl 16cN! 16cl | xxxx free 0 2/0 0 0 0/0"},
    {"22|..c1sxe0xse1ax.c0.|tB.BBe0.|W..WB",
     "4mc 4ms 4mx 4me 4mx 4ms 4me 4ma 4mx 5bW! 5aBT 5mc 6a.! 6aBK 6aBK 6ae 16bW! 16bBK | xxx free 0 2/0 0 0 0K/0"},
    {"02|..s..e0rc1aBc0|tWe0.BB|W.W.|tWtWB.",
     "4ms 5aW 5ae 5bW 5cW 5cW 6aB1 6bW 6me 6mr 6mc 6ma 6mBK 6mc 7cBK 7b.! 7aB! | xxxx free 0 0/0 0 0 0K/0"},
    {"13|..c2.e2l|tPPpLlPp.|Ll..|P.p.Pc1.",
     "2aP 2bL 2bl 4mc 5cP! 5me 5mlE 6cp 7aP 7ap 7aL 7al 7aP 7ap 7cP 7cc | xxxx free 0 0/0 0 0 0/0"},
    {"12|..xe1.xe0c0.c0pc1p.c1s|tP.|P.ptWPpW",
     "2aP 4mx 4me 5mx 5me 5mc 6mc 6mp 6mc 6mp 7bP! 7mc 7ms 8b.! 8bpV 8bW 8bP 8bpV 8bW | xxx free 0 1/0 0 0 0/0"},
    {"02|L..lc0.e1Lllc0.e0|tL.lc0tLltL.l|Ll",
     "2aL 3al 3ac 4bL 4bl 4aL! 4alE 5mL 7ml 7mc 8aL! 8me 8mL 8ml 8mlE 8mc 9a.! 9alE 9me | xxx free 0 0/0 0 0 0/0"},
    {"12|..sc0.Lml.c1|W|tWLtNl.LNlWc0",
     "4ms 4mc 5aW! 5bW 5bL 5mL 5mm 5ml 6bN 6bl 6mc 7b.! 7bL 16bN! 16bl 16bW 16bc | xxx free 0 1/0 0 0 0/0"},
    {"13|..Be1rc3tB|BtBc0..B.B|tB.|BB..B.|BBtBe0", "2cB2 3aB0 3bB1 4aB2 4ac 5cB0 5dB1 5a.! 6aB2 7dB0 7mB1 7me 7mr 7mc "
                                                   "8cB2 8dB! 8de 9mB0 9aB1 | xxxxx free 0 1/0 0 0 0/0"},
    {"12|....e2xsc2e0r.|BWB..|B|WWBc0..tB",
     "2bB1 3aB0 6me 6mx 6ms 6mc 6me 6mr 7cW! 7cW 7aW 7aB1 8cB0 8cc 8a.! 16cB! | xxxx free 0 1/0 0 0 0/0"},
    {"22|..e0ac1Ll|B|B.Llc1|Bc2.tL.ltBB..",
     "2bB1 3aB0 3bL 3bl 3bc 4me 4ma 4mc 4mL 4ml 5cBK 5cc 6c.! 6cL 7cl 7cBK 7cBK | xxxx free 0 2/0 0 0 0K/0"},
    {"12|L....lc1ppe1e2P|P..PLlLl|tL.lL.l|Pp.tLlc0", "2aP 2bL 3bl 4mL 8ml 8mc 8mp 8mp 8me 8me 9bL! 9cP 9cp 9aP 9aL 9al "
                                                     "9aL 9al 10blE 10mP 10cL 10cl 10cc | xxxx free 0 0/0 0 0 0/0"},
    {"13|..e1c0pc1..rc0..c1p.c1|tPP.p..|P.tPB",
     "2aP 4me 4mc 4mp 4mc 5aP! 5bP! 6apV 6bP 6mr 6mc 7a.! 7bBK 8mc 8mp 9mc | xxx free 0 1/0 0 0 0/0"},
    {"23|..c0PrBc1.|BBc0tP|P.pBe1BtB",
     "2bP 3bp 4mc 4mP 4mr 5aB! 5bBK 5be 6aB2 6ac 6aP 7bB0 7mB1 7mc 8bB! | xxx free 0 0/0 0 0 0/0"},
    {"13|..e1pp.c0B..c1p|B..Be2..tP.Pp.|tBc0B|P.p|tP", "2cP 3cp 4dP 4me 4mp 4mpV 5mc 5mB2 6bBT 6bc 6aB! 7mc 7mpV 8bB! "
                                                       "16aB! 16ae 18a.! 18aP 20aP! 20ap | xxxxx free 0 1/0 0 0 0/0"},
    {"22|..e0aBc1.|B.PpP.pBe0..|tBP..Be1",
     "2bB1 2bP 3aB0 4aP 4ap 4aP 4me 4ma 4mBK 4mc 5ap 5aBK 5ae 5bB! 5be | xxx free 0 1/0 0 0 0K/0"},
    {"13|..pL.nlLc0nl..ppe0.|P.L.NlLtNl.P|tP",
     "2aP 3aL 4mp 4mL 5bP 5mn 5ml 5mL 5mc 5mn 5ml 6aN! 6al 6aL 7mp 7mpV 7me 9aNT 9al 10aP | xxx free 0 0/0 0 0 0/0"},
    {"12|..e0ppe1tB.Pe1Pc1|tBP..PpB|tP..tP|tBPpBe0", "2bP 2cB1 3aB0 4me 4mp 4mp 4me 5cP 5cp 5cB1 5ce 5aP 6bPT 6mB0 7mP "
                                                     "7me 16aP! 16ap 16mP! 16mc 18aB! | xxxx free 0 1/0 0 0 0/0"},
    {"02|L..e1.e1le0.l.Ll|tLlLlLl|Ll.tL.lc1..tLltLl", "2aL 2al 2aL 2al 2aL 2al 2bL 2bl 2mL 4me 5me 5ml 5me 6bLT 6mlE "
                                                      "7blE 7bc 7mL 7ml 8b.! 9bL 9bl 9bL 9bl | xxx free 0 0/0 0 0 0/0"},
    {"12|..rc0.rc0.Lc0nle0ae1|LNlL.Nl.|tB.L.Nl..B", "2aL 4mr 4mc 5bBK 5aN! 5al 5aL 5mr 5mc 6a.! 7bL 9mL 9mc 9mn 9ml "
                                                    "9me 9ma 9me 10aN! 10al 10bN 10bl 12bBK | xxx free 0 1/0 0 0 0K/0"},
    {"12|..e0s...e1sx|PP.|tWWc1Ppe1", "2aP 4me 4ms 5bW 5bW 5bc 6bP! 6bp 6be 7aP 7me 7ms 7mx | xxx free 0 0/0 0 0 0/0"},
    {"02|..c3tBc3..e1.|tB..|tB.BtBe2..|Bc2..tBe1|B",
     "2bB1 3aB0 4cB1 4cc 4mc 5bB0 5c.! 5dB! 6mB1 6mc 6bB0 6be 8me 8cBT 8ce | xxxxx free 0 0/0 0 0 0/0"},
    {"23|L..c3e0le2|tLltBe2|tBL.l.tBB..|tBc0|L.lB.", "2aL 2al 2cB2 2cc 2dL 3aB! 3ae 3bB1 3dl 4mL 6mc 6me 6ml 6me 7dB! "
                                                     "7bL 8bl 16bB! 18bB! 20b.! | xxxxx free 0 2/0 0 0 0/0"},
    {"12|..sxxsc0c1Brc1.|B..|B..tWBc1tWc1|tWB",
     "2bB1 3aB0 4ms 4mx 4mx 4ms 4mc 4mc 5a.! 5cW 5cB1 5bW! 6mB0 6mr 6mc 7bB! 7bc 7bW 7bc | xxxx free 0 1/0 0 0 0/0"},
    {"12|...sc2e2xe0e2..|Lle0..tWc0tWtLl|tW|W",
     "2aL 2al 2ae 5ms 5mc 5me 5mx 5me 5me 6bW 6cW! 6aW 6ac 7aW! 7aL 7al | xxxx free 0 1/0 0 0 0/0"},
    {"02|..L.lc1c1pL.lc0.l|tLlP.ptLle1.L.l.|L.l.tL.l", "2aL 2al 2bL 3bl 4bL 5bl 6mL 7ml 7mc 7mc 7mpV 7mL 8ml 8mc 9aP! "
                                                       "9mlE 10apV 10aL 10al 10ae 11aL 12al | xxx free 0 0/0 0 0 0/0"},
    {"13|..Be2B...e0e1p..c0|B|P.pP.p|P.p..B|BB",
     "2bP 3bp 4cP 4mB2 4me 5cp 5aB0 5dB1 6bP 7bp 7cB2 8dB0 8mB1 11me 11me 11mpV 13mc | xxxxx free 0 1/0 0 0 0/0"},
    {"23|..e1pc0P|tP..P.p.|tPtPtP|PpPc0.tP",
     "2aP 2bP 4me 4mp 4mc 5bPT 5aP! 6cP 6cp 6ap 7mP 7bP 16cP! 16cc 18cP! | xxxx free 0 0/0 0 0 0/0"},
    {"23|...ssc0e2tBac1..tBe0|tWe2.B|W.W.Bc1|B",
     "5ms 5ms 5mc 5me 6aW! 6ae 6bW 7aB2 7bW 8cB0 8mB1 8ma 8mc 8b.! 8bBK 8bc 10mBK 10me | xxxx free 0 2/0 0 0 0K/0"},
    {"12|..rc0..Lc1nlc0..Lmle0rB|tBLtNl|L.Nl.",
     "2bL 4mr 4mc 5aB! 5aL 6mL 6mc 6mn 6ml 6mc 7bN! 7bl 7aN! 7al 8mL 8mm 8ml 8me 8mr 16mB! | xxx free 0 1/0 0 0 0/0"},
    {"22|..ppc1p.pppP.pp|tPe0tPPp|Pp.",
     "2aP 2ae 2aP 4mp 4mp 4mc 4mp 5aP 5ap 5bP! 5bpV 5mpV 5mpV 5mpV 5mP 6mpV 6mpV | xxx free 0 2/0 0 0 0/0"},
    {"12|..c1..e0BL.n.c1.l..|tBtBBLNl..|BLtNl.",
     "2bB1 2bL 3aB0 4mc 5bN! 5bl 6me 6mB1 6mL 7aBT 7mn 8mc 9ml 16aB! 16aL 18aN! 18al 20a.! | xxx free 0 1/0 0 0 0/0"},
    {"03|..e1.c0s..|tWe1.W.WtW|tWtW", "4me 5mc 5ms 6bWT 6bW 6aW! 6ae 7aW 8aW 8aW | xxx free 0 0/0 0 0 0/0"},
    {"13|..e2p.pe0..c0..Bc2..|PtBc0|tBB|P.pc1..tBPe1",
     "2aP 4me 4mp 5cP 5mp 5me 6cpV 6cc 7bB! 7aBT 7ac 7mc 9mB2 9mc 10cB! 10cP 10ce 10bB1 | xxxx free 0 0/0 0 0 0/0"},
    {"12|..e1x..c0pp.c0xsc0.p.|WWe0W.Pp|tW..tPtP.tW.", "4me 4mx 6bWT 6mc 6mpV 6mpV 7aW! 7mc 7mx 7ms 7mc 8bP 8aW! 8ae "
                                                       "8aW 8mp 9bP 10bW 16aP! 16ap | xxx free 0 1/0 0 0 0/0"},
    {"23|L..e2.c1tB|tL.lB..Be1tLl|tB.B..BL.l..|B..B", "2aL 3al 3aB2 4mL 4bB0 4cB1 6me 6cB2 7mc 7bB! 7aB1 7ae 16aL! "
                                                      "16al 16bB! 16bL 16mB! 17bl 18b.! | xxxx free 0 2/0 0 0 0/0"},
    {"13|..xc0.xe1s.|W..BB.|WBtWtB|B..WW.tB.|tWB.B.tW..",
     "4mx 4mc 5aW! 5mx 5me 5ms 6bW 6dW 6dB2 7cB0 7bB1 7bW 8aB2 9cW 9cW 9bB0 9dB1 10dW 16aB! 16cB! | xxxxx free 0 1/0 0 "
     "0 0/0"},
};

} // namespace

BOOST_AUTO_TEST_CASE(random_programs_as_cpython_3_14) {
  for (const sample& s : samples) {
    BOOST_TEST_CONTEXT(s.program) { BOOST_TEST(support::run_sync_program(s.program) == s.trace); }
  }
}
