// Frames and handshakes as bytes, without sockets: nothing but the frames that were sent, in their order, gets through.
// SPDX-License-Identifier: BSL-1.0
#include "../../fuzz/tcp_checks.hpp"

#include "tcp/outbox.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <set>

using namespace tcp_test;

namespace {

#ifdef __OPTIMIZE__
constexpr int mutations = 2000; // of each seed
#else
constexpr int mutations = 100;
#endif

bytes body_of(std::string_view text) {
  const auto all = std::as_bytes(std::span(text));
  return {all.begin(), all.end()};
}

/// Three sealed frames, one by one.
std::vector<bytes> three_frames() {
  std::vector<bytes> frames;
  wire::frame_sealer sealer(key_of(1));
  for (const char* text : {"one", "two", "three"}) {
    wire::append_frame(frames.emplace_back(), wire::frame_kind::message, body_of(text));
    BOOST_TEST(sealer.seal(frames.back()) == 1u);
  }
  return frames;
}

decoded decode(std::initializer_list<bytes> frames) {
  bytes all;
  for (const auto& each : frames)
    all.insert(all.end(), each.begin(), each.end());
  return decoded(all, all.size());
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

std::string hex(const wire::digest& value) {
  std::string text;
  for (const std::byte each : value)
    for (const int shift : {4, 0})
      text += "0123456789abcdef"[std::to_integer<int>(each) >> shift & 15];
  return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_tcp_frames)

BOOST_AUTO_TEST_CASE(the_mac_is_that_of_rfc_4231) {
  wire::mac jefe(body_of("Jefe"));
  const auto data = body_of("what do ya want for nothing?");
  const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  BOOST_TEST(hex(jefe.of(data)) == expected);
  jefe.of(body_of("something else"));
  BOOST_TEST(hex(jefe.of(data)) == expected); // it starts anew each time
}

BOOST_AUTO_TEST_CASE(frames_come_as_they_were_sent) {
  const auto frames = three_frames();
  const auto all = decode({frames[0], frames[1], frames[2]});
  BOOST_TEST(all.wrong == "");
  BOOST_TEST_REQUIRE(all.bodies.size() == 3u);
  BOOST_TEST((all.bodies[2] == body_of("three")));
  BOOST_TEST(!all.in_frame);
}

BOOST_AUTO_TEST_CASE(frames_that_are_repeated_reordered_or_left_out_are_refused) {
  const auto frames = three_frames();
  for (const auto& wrong : {decode({frames[0], frames[0]}), decode({frames[0], frames[2]})}) {
    BOOST_TEST(wrong.bodies.size() == 1u);
    BOOST_TEST(contains(wrong.wrong, "repeated, reordered or left out"));
  }
  const auto first = decode({frames[1], frames[0]});
  BOOST_TEST(first.bodies.size() == 0u);
  BOOST_TEST(contains(first.wrong, "frame 1 came instead of frame 0"));
}

BOOST_AUTO_TEST_CASE(every_changed_bit_ends_the_connection) {
  const auto frames = three_frames();
  for (std::size_t i = 0; i < frames[1].size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      auto changed = frames[1];
      changed[i] ^= static_cast<std::byte>(1 << bit);
      const auto result = decode({frames[0], changed, frames[2]});
      BOOST_TEST(result.bodies.size() == 1u);
      // A greater size may have the decoder wait for bytes that do not come.
      BOOST_TEST((result.wrong != "" || (i < 4 && result.in_frame)));
    }
}

BOOST_AUTO_TEST_CASE(frames_under_another_key_are_refused) {
  bytes frame;
  wire::append_frame(frame, wire::frame_kind::message, body_of("one"));
  wire::frame_sealer(key_of(2)).seal(frame);
  BOOST_TEST(contains(decode({frame}).wrong, "its MAC is wrong"));
}

BOOST_AUTO_TEST_CASE(long_frames_are_refused_before_they_have_come) {
  bytes frame;
  wire::append_frame(frame, wire::frame_kind::message, bytes(max_body));
  wire::frame_sealer(key_of(1)).seal(frame);
  BOOST_TEST(decode({frame}).bodies.size() == 1u);
  frame.clear();
  wire::append_frame(frame, wire::frame_kind::message, bytes(max_body + 1));
  frame.resize(wire::frame_header_size);
  BOOST_TEST(contains(decode({frame}).wrong, "3001 bytes, but 3000 are allowed"));
}

BOOST_AUTO_TEST_CASE(unknown_kinds_are_refused) {
  for (const int kind : {0, 4, 255}) {
    bytes frame;
    wire::append_frame(frame, static_cast<wire::frame_kind>(kind));
    wire::frame_sealer(key_of(1)).seal(frame);
    BOOST_TEST(contains(decode({frame}).wrong, "unknown kind " + std::to_string(kind)));
  }
}

BOOST_AUTO_TEST_CASE(seeds_and_mutations_of_them_keep_what_the_decoders_promise) {
  const auto seeds = tcp_seeds();
  std::mt19937_64 random(9);
  for (const bytes& seed : seeds) {
    BOOST_TEST(check_tcp_decoders(seed) == "");
    for (int i = 0; i < mutations; ++i) {
      bytes input = seed;
      for (auto steps = random() % 4 + 1; steps > 0 && !input.empty(); --steps) {
        const auto place = input.begin() + static_cast<std::ptrdiff_t>(random() % input.size());
        if (random() % 3 == 0)
          *place ^= static_cast<std::byte>(1 << random() % 8);
        else if (random() % 3 == 0)
          input.erase(place, place + static_cast<std::ptrdiff_t>(
                                         random() %
                                         std::min<std::size_t>(40, static_cast<std::size_t>(input.end() - place) + 1)));
        else
          input.insert(place, static_cast<std::byte>(random()));
      }
      BOOST_TEST_REQUIRE(check_tcp_decoders(input) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(no_proof_stands_in_for_another) {
  wire::mac key(body_of("0123456789abcdef"));
  wire::mac other(body_of("0123456789abcdeg"));
  std::set<wire::digest> all;
  std::size_t count = 0;
  const auto add = [&](wire::mac& with, const wire::handshake& each) {
    for (const auto role : {wire::tcp_role::client, wire::tcp_role::server}) {
      all.insert(each.proof(with, role));
      all.insert(each.session_key(with, role));
      count += 2;
    }
  };
  add(key, {"a", "b", key_of(1), key_of(2)});
  add(other, {"a", "b", key_of(1), key_of(2)});
  add(key, {"b", "a", key_of(1), key_of(2)});
  add(key, {"a", "b", key_of(2), key_of(1)});
  add(key, {"a", "b", key_of(1), key_of(3)});
  add(key, {"ab", "", key_of(1), key_of(2)});
  add(key, {"", "ab", key_of(1), key_of(2)});
  BOOST_TEST(all.size() == count);
}

BOOST_AUTO_TEST_CASE(a_hello_of_another_version_or_protocol_is_explained) {
  auto hello = wire::encode_hello(wire::handshake("shop", "stock", key_of(1)));
  std::optional<std::uint16_t> version;
  const auto prelude = std::span(hello).first(wire::prelude_size);
  BOOST_TEST(wire::check_prelude(prelude, wire::tcp_role::client, version) == "");
  BOOST_TEST(contains(wire::check_prelude(prelude, wire::tcp_role::server, version), "does not speak"));
  hello[8] = std::byte{9};
  BOOST_TEST(contains(wire::check_prelude(prelude, wire::tcp_role::client, version), "version 9"));
  BOOST_TEST((version == 9));
}

BOOST_AUTO_TEST_CASE(the_outbox_counts_what_is_in_flight) {
  wire::outbox box(1000);
  BOOST_TEST(box.append(bytes(5000))); // an empty one takes any message
  BOOST_TEST(!box.append(bytes(1)));
  auto piece = box.take();
  BOOST_TEST(box.empty());
  BOOST_TEST(!box.append(bytes(1)));
  box.written(std::move(piece), 1);
  BOOST_TEST(box.append(bytes(1000 - wire::frame_overhead)));
  BOOST_TEST(!box.append(bytes(1)));
  piece = box.take();
  box.put_back(std::move(piece));
  BOOST_TEST(box.messages() == 1u);
  BOOST_TEST(!box.empty());
}

BOOST_AUTO_TEST_CASE(the_outbox_keeps_the_order) {
  wire::outbox box(std::size_t{4} << 20);
  for (std::uint32_t i = 0; i < 2000; ++i)
    BOOST_TEST_REQUIRE(box.append(bytes(1000, static_cast<std::byte>(i % 251))));
  wire::frame_sealer sealer(key_of(1));
  wire::frame_decoder decoder(key_of(1), max_body);
  std::uint32_t next = 0;
  bool broken = false;
  while (!box.empty()) {
    auto piece = box.take();
    BOOST_TEST(piece.size() <= std::size_t{128} << 10);
    if (!std::exchange(broken, next > 500)) { // once a connection breaks in the middle
      box.put_back(std::move(piece));
      piece = box.take();
    }
    const auto count = sealer.seal(piece);
    for (std::span<const std::byte> rest(piece); !rest.empty();) {
      const auto space = decoder.space();
      const auto size = std::min(space.size(), rest.size());
      std::ranges::copy(rest.first(size), space.begin());
      decoder.arrived(size);
      rest = rest.subspan(size);
      while (const auto each = decoder.next())
        BOOST_TEST_REQUIRE((each->body()[0] == static_cast<std::byte>(next++ % 251)));
    }
    box.written(std::move(piece), count);
  }
  BOOST_TEST(next == 2000u);
  BOOST_TEST(box.messages() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
