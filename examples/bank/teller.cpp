// SPDX-License-Identifier: BSL-1.0
#include "teller.hpp"

#include "say.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/redirect_error.hpp>

#include <stdexcept>
#include <utility>

namespace asio = boost::asio;
namespace tp = rondo::two_phase;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace bank {

void outcomes::recovered(std::set<tp::txid> those) {
  recovered_ = std::move(those);
  recovered_count_ = recovered_.size();
}

std::optional<tp::decision> outcomes::find(const tp::txid& id) const {
  const auto place = known_.find(id);
  if (place == known_.end()) return std::nullopt;
  return place->second;
}

void outcomes::on_completed(const tp::txid& id, const tp::commit_result& result, rondo::clock::duration) {
  if (!result.committed() && !result.aborted()) return;
  if (!known_.emplace(id, result.decision()).second) return;
  oldest_first_.push_back(id);
  if (oldest_first_.size() <= remembered) return;
  known_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

void outcomes::on_closed(const tp::txid& id, tp::decision, rondo::clock::duration) {
  if (recovered_.erase(id) == 0 || !recovered_.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(rondo::clock::now() - start_);
  say(who(), "recovery: all {} transactions from the log are carried out, {} ms after the start", recovered_count_,
      took.count());
}

void teller::listen() {
  try {
    const tcp::endpoint where(asio::ip::make_address(options_.listen.host), options_.listen.port);
    acceptor_.emplace(rondo::get_running_loop().get_executor(), where); // with SO_REUSEADDR
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error(fmt::format("cannot listen for clients on {}:{}: {}", options_.listen.host,
                                         options_.listen.port, e.code().message()));
  }
}

rondo::awaitable<void> teller::accept_clients() {
  while (true) {
    boost::system::error_code ec;
    tcp_socket socket = co_await acceptor_->async_accept(asio::redirect_error(rondo::use_task, ec));
    if (ec) {
      co_await rondo::sleep(100ms); // too many open files, most likely
      continue;
    }
    std::erase_if(clients_, [](const auto& each) { return each->task.done(); });
    const auto who = std::make_shared<client>(std::move(socket));
    who->task = rondo::create_task(serve(who), rondo::task_options().name("client"));
    clients_.insert(who);
  }
}

rondo::awaitable<void> teller::serve(std::shared_ptr<client> who) {
  while (!closing_) {
    const std::optional<std::string> question = co_await who->line.read_line();
    if (!question) break;
    who->waits_for_answer = true;
    const std::string reply = co_await answer(*who, *question);
    try {
      co_await who->line.write_line(reply);
    } catch (const boost::system::system_error&) {
      break; // the client is gone, and will ask when it is back
    }
    who->waits_for_answer = false;
  }
}

rondo::awaitable<void> teller::close() {
  acceptor_.reset();
  closing_ = true;
  const std::set<std::shared_ptr<client>> all = clients_;
  for (const auto& who : all)
    if (!who->waits_for_answer) who->task.cancel();
  for (const auto& who : all)
    co_await rondo::settle(who->task.get());
}

rondo::awaitable<std::string> teller::answer(client& who, std::string question) {
  std::vector<std::string> words;
  for (const std::string_view word : words_of(question))
    words.emplace_back(word);
  std::string problem;
  try {
    if (words.size() == 1 && words[0] == "begin") co_return co_await begin(who);
    if (words.size() == 5 && words[0] == "transfer") co_return co_await transfer(who, std::move(words));
    if (words.size() == 2 && words[0] == "query") co_return co_await query(words[1]);
    if (words.size() == 1 && words[0] == "shards") {
      std::string names;
      for (const auto& [name, where] : options_.shards)
        names += " " + name;
      co_return "shards" + names;
    }
    problem = "I know: shards, begin, transfer TXID FROM TO AMOUNT, query TXID";
  } catch (const std::exception& e) {
    problem = e.what();
  }
  co_return "error " + problem;
}

rondo::awaitable<std::string> teller::begin(client& who) {
  who.begun = co_await coordinator_.begin(); // drops, and so rolls back, one that was begun before
  co_return "begun " + who.begun.id().to_string();
}

rondo::awaitable<std::string> teller::transfer(client& who, std::vector<std::string> words) {
  if (!who.begun || who.begun.id().to_string() != words[1])
    throw std::invalid_argument(words[1] + " was not begun here, or has ended");
  const std::map<std::string, order> orders = orders_for(words);
  tp::transaction tx = std::move(who.begun);
  for (const auto& [shard, what] : orders)
    tx.enlist(tp::participant_name(shard), what.to_bytes());
  const tp::commit_result result = co_await tx.commit();
  if (result.committed()) co_return "committed " + words[1];
  const std::string why = result.reason().empty() ? result.code().message() : result.reason();
  co_return fmt::format("{} {} {}", result.aborted() ? "aborted" : "unknown", words[1], why);
}

std::map<std::string, order> teller::orders_for(const std::vector<std::string>& words) const {
  const auto amount = parse_number<money>(words[4]);
  if (!amount || *amount <= 0) throw std::invalid_argument("the amount is a whole number above 0, not " + words[4]);
  if (words[2] == words[3]) throw std::invalid_argument("an account cannot pay itself: " + words[2]);
  std::map<std::string, order> orders;
  const auto add = [&](const std::string& text, money change) {
    const auto account = account_name::parse(text);
    if (!account) throw std::invalid_argument("'" + text + "' is not an account: SHARD/NUMBER");
    if (!options_.shards.contains(account->shard)) throw std::invalid_argument("there is no shard " + account->shard);
    orders[account->shard].add({account->number, change});
  };
  add(words[2], -*amount);
  add(words[3], *amount);
  return orders;
}

rondo::awaitable<std::string> teller::query(std::string id) {
  const auto branch = tp::branch_id::from_gid(fmt::format("rondo_{}_0", id));
  if (!branch) throw std::invalid_argument("'" + id + "' is not the id of a transaction");
  const std::optional<tp::decision> known = known_.find(branch->transaction());
  const tp::decision now = known ? *known : co_await coordinator_.query(branch->transaction());
  co_return fmt::format("{} {}", tp::to_string(now), id);
}

} // namespace bank
