#include "cli/source_switch.h"

#include <algorithm>
#include <thread>

#include "cli/catalogue.h"
#include "cli/composition.h"
#include "cli/configuration.h"
#include "connectors/wal/membership.h"
#include "core/failpoint.h"
#include "core/random.h"
#include "relay/lease_keeper.h"

namespace penstock::cli {
namespace {

constexpr std::chrono::seconds kCall{12};
constexpr std::chrono::milliseconds kBetweenLooks{250};
constexpr std::chrono::seconds kBetweenWords{5};

bool names_place_in_log(const std::optional<SourceCheckpoint>& stored) {
  return stored && stored->position != kPolledPosition;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

}  // namespace

SourceSwitch::SourceSwitch(const config::Settings& settings, const config::Endpoint& source, const config::Route& route,
                           store::Store& store, Invocation& invocation, SwitchWish wish)
    : settings_(settings),
      source_(source),
      route_(route),
      store_(store),
      invocation_(invocation),
      wish_(std::move(wish)) {}

SourceSwitch::~SourceSwitch() { give_lease_back(); }

Status SourceSwitch::to_log() {
  const auto polled = outbox::read_settings(source_.section, source_.name, settings_.limits.event_bytes);
  if (!polled) return fail(polled.error());
  const auto settings = wal::settings_from_log(*polled, wish_.slot, wish_.publication);
  if (!settings) return fail(settings.error());
  auto session = wal::SwitchSession::open(*settings, wish_.until.remaining(), wish_.until);
  if (!session) return fail(std::move(session.error()));
  const auto stored = store_.source_checkpoints().load(source_.name);
  if (!stored) return fail(stored.error());
  const auto steps = await_steps_to_log(*session, *settings);
  if (!steps) return fail(steps.error());

  if (only_plans()) {
    if (names_place_in_log(*stored)) say("would forget how far the log was read before");
    say_plan(*steps);
    say("would wait until the rows that are committed by then have been polled");
  } else {
    // A slot that is made now can't go on from there, whatever server that place is of: what is polled is here.
    if (names_place_in_log(*stored))
      if (auto said = say_that_it_is_polled(*stored, session->server()); !said) return said;
    give_lease_back();
    if (auto done = carry_out(*session, *steps); !done) return done;
    if (auto polled_out = await_older_rows(*session); !polled_out) return polled_out;
  }
  Keys keys{{"kind", quoted("wal")}, {"settle", quoted("delete")}};
  if (!wish_.slot.empty()) keys.emplace_back("slot", quoted(wish_.slot));
  if (!wish_.publication.empty()) keys.emplace_back("publication", quoted(wish_.publication));
  say_configuration("wal", keys);
  return {};
}

Status SourceSwitch::to_polling() {
  const auto settings = wal::read_settings(source_.section, source_.name, settings_.limits.event_bytes);
  if (!settings) return fail(settings.error());
  const auto polled = wal::settings_polled(*settings);
  if (!polled) return fail(polled.error());
  for (const connectors::Finding& hindrance : wal::find_hindrances(*polled, wish_.until))
    return fail(codes::kOutboxRefused, "it could not be polled: " + hindrance.message + ": " + hindrance.fix);
  auto session = wal::SwitchSession::open(*settings, wish_.until.remaining(), wish_.until);
  if (!session) return fail(std::move(session.error()));
  // A slot that is none of ours is refused before anything is changed.
  const auto database = session->look(soon());
  if (!database) return fail(database.error());
  const auto planned = wal::steps_to_polling(*database, *settings);
  if (!planned) return fail(planned.error());
  say_what_is_lost(*database);
  if (only_plans()) {
    say("would write in the store that the source is polled, and forget how far the log was read");
    say_plan(*planned);
  } else {
    if (auto taken = take_lease(); !taken) return taken;
    const auto stored = store_.source_checkpoints().load(source_.name);
    if (!stored) return fail(stored.error());
    const auto& server = session->server();
    if (names_place_in_log(*stored) && (*stored)->system_identifier != server.system_identifier)
      return fail(codes::kWalOtherServer, "the server is " + server.system_identifier + ", but " +
                                              (*stored)->system_identifier +
                                              " was read before; if it has taken that one's place, make the slot"
                                              " there, and let `penstock run` read it first");
    // From here on nobody begins at a new slot, whatever the configuration says.
    if (auto said = say_that_it_is_polled(*stored, session->server()); !said) return said;
    const auto steps = await_steps_to_polling(*session, *settings);
    if (!steps) return fail(steps.error());
    if (auto done = carry_out(*session, *steps); !done) return done;
  }
  if (auto told = say_what_stays(*session, *settings); !told) return told;
  say_configuration("outbox", {{"kind", quoted("outbox")}, {"policy", quoted("delete")}});
  return {};
}

Deadline SourceSwitch::soon() const { return Deadline::at(std::min(Deadline::in(kCall).time(), wish_.until.time())); }

bool SourceSwitch::has_time_for_another_look() const { return wish_.until.remaining() > kBetweenLooks * 2; }

Status SourceSwitch::take_lease() {
  if (lease_) return {};
  SystemRandom random;
  const std::string owner = make_instance_name(random);
  for (;;) {
    auto taken = store_.leases().take(relay::lease_name_of(route_.name), owner);
    if (taken) {
      lease_ = *std::move(taken);
      return {};
    }
    const bool is_held = &taken.error().code() == &codes::kRelayStandby;
    if (!is_held) return fail(std::move(taken.error()));
    if (wish_.held == SwitchWish::Held::kRefuse || !has_time_for_another_look())
      return fail(std::move(taken.error())
                      .with_context("route " + route_.name + " is driven, and has to be stopped first (--wait waits)"));
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// One that can't be given back ends by itself.
void SourceSwitch::give_lease_back() {
  if (lease_) (void)store_.leases().release(*lease_);
  lease_.reset();
}

Status SourceSwitch::say_that_it_is_polled(const Stored& stored, const store::postgres::ServerFacts& server) {
  if (stored && stored->position == kPolledPosition) return {};
  if (auto taken = take_lease(); !taken) return taken;
  const SourceCheckpoint now{std::string(kPolledPosition), server.system_identifier, server.timeline};
  if (auto kept = store_.source_checkpoints().advance(*lease_, source_.name, stored, now); !kept) return kept;
  const auto read = stored ? wal::parse_own_position(stored->position) : std::nullopt;
  say("the store knows now that source " + source_.name + " is polled" +
      (read ? "; the log had been read up to " + to_string(read->progress.settled) : ""));
  pass_failpoint("switch.after_word");
  return {};
}

Status SourceSwitch::carry_out(wal::SwitchSession& session, const Steps& steps) {
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    if (auto done = session.carry_out(*step, wish_.until); !done) {
      if (done.error().kind() == ErrorKind::kUnauthorized) {
        say("an administrator may run this instead, one by one, before this command is called again:");
        for (; step != steps.end(); ++step) say("  " + step->statement);
      }
      return done;
    }
    say(step->words + ": done");
    pass_failpoint("switch.after_step");
  }
  return {};
}

// A slot that a command which was cut off had begun to make is in use until it is made.
Result<SourceSwitch::Steps> SourceSwitch::await_steps_to_log(wal::SwitchSession& session,
                                                             const wal::WalSettings& settings) {
  for (;;) {
    const auto database = session.look(soon());
    if (!database) return fail(database.error());
    auto steps = wal::steps_to_log(*database, settings, session.server().version);
    const bool in_use = !steps && &steps.error().code() == &codes::kWalSlotInUse;
    if (!in_use || only_plans() || !has_time_for_another_look()) return steps;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// The server takes a moment to notice that a reader has gone.
Result<SourceSwitch::Steps> SourceSwitch::await_steps_to_polling(wal::SwitchSession& session,
                                                                 const wal::WalSettings& settings) {
  for (;;) {
    const auto database = session.look(soon());
    if (!database) return fail(database.error());
    auto idle = wal::check_nobody_reads(*database, settings);
    if (idle) return wal::steps_to_polling(*database, settings);
    if (!has_time_for_another_look()) return fail(std::move(idle.error()));
    if (auto renewed = store_.leases().renew(*lease_); !renewed) return fail(std::move(renewed.error()));
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// Rows that were deleted by others are nowhere else.
void SourceSwitch::say_what_is_lost(const wal::WalDatabase& database) {
  if (!database.slot || database.room.unread_bytes <= 0) return;
  say("rows that their writers deleted themselves can't be polled: those that were not delivered of the last " +
      std::to_string((database.room.unread_bytes >> 20) + 1) + " MB of log are lost with the slot");
}

// One that somebody else made, or under a name of its own, may have other readers.
Status SourceSwitch::say_what_stays(wal::SwitchSession& session, const wal::WalSettings& settings) {
  const auto database = session.look(Deadline::in(kCall));  // all is done, and what was done is to be said
  if (!database) return fail(database.error());
  const auto steps = wal::steps_to_polling(*database, settings);
  if (!steps) return fail(steps.error());
  const std::string drop = wal::drop_publication_statement(settings);
  if (database->publication && std::ranges::find(*steps, drop, &wal::SwitchStep::statement) == steps->end())
    say("publication " + settings.publication + " stays; if nobody else reads it: " + drop);
  return {};
}

// What was committed before the slot was made is not in the log.
Status SourceSwitch::await_older_rows(wal::SwitchSession& session) {
  const auto kept = store_.parked().kept_by_reference(route_.name, source_.name);
  if (!kept) return fail(kept.error());
  const auto next = session.next_transaction(Deadline::in(kCall));
  if (!next) return fail(next.error());
  SteadyTime next_word = std::chrono::steady_clock::now() + kBetweenWords;
  std::optional<std::int64_t> highest;
  for (;;) {
    const auto awaited = look_for_older_rows(session, *next, highest, *kept);
    if (!awaited) return fail(awaited.error());
    if (awaited->empty()) break;
    if (!has_time_for_another_look())
      return fail(codes::kTimeout, *awaited +
                                       "; what they committed has to be polled first: call this command again while "
                                       "`penstock run` polls it");
    if (std::chrono::steady_clock::now() >= next_word) {
      invocation_.err << "waiting: " << *awaited << '\n' << std::flush;
      next_word += kBetweenWords;
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  say("what was committed before the slot was made has been polled");
  return {};
}

Result<std::string> SourceSwitch::look_for_older_rows(wal::SwitchSession& session, const std::string& next,
                                                      std::optional<std::int64_t>& highest,
                                                      const std::vector<std::string>& kept) {
  if (!highest) {
    const auto found = session.find_highest_order(next, soon());
    if (!found) return fail(found.error());
    highest = *found;
  }
  if (!highest) return "transactions that ran when the slot was made have not ended";
  const auto left = session.count_rows_up_to(*highest, kept, soon());
  if (!left) return fail(left.error());
  if (*left == 0) return "";
  return std::to_string(*left) + " rows that may have been committed before the slot was made are still in the table";
}

void SourceSwitch::say(const std::string& line) { invocation_.out << printable(line) << '\n' << std::flush; }

void SourceSwitch::say_plan(const Steps& steps) {
  for (const wal::SwitchStep& step : steps) {
    say("would " + step.words + ":");
    say("  " + step.statement);
  }
}

void SourceSwitch::say_configuration(std::string_view new_kind, const Keys& keys) {
  const std::string file = find_config_file(invocation_).value_or("the configuration");
  say("");
  say((only_plans() ? "Then write" : "Now write") + std::string(" in ") + file + ", source " + source_.name +
      ", and start `penstock run` anew:");
  for (const auto& [key, value] : keys) say("  " + key + " = " + value);
  const auto fields_of = [](std::string_view kind) { return find_source_kind(kind)->fields; };
  std::string gone;
  for (const connectors::FieldSpec& field : fields_of(source_.kind)) {
    const auto is_set = [&](const auto& pair) { return pair.first == field.name; };
    const bool is_known =
        std::ranges::find(fields_of(new_kind), field.name, &connectors::FieldSpec::name) != fields_of(new_kind).end();
    if (!is_known && source_.section.has(field.name) && std::ranges::none_of(keys, is_set))
      gone.append(gone.empty() ? "" : ", ").append(field.name);
  }
  if (!gone.empty()) say("and take out " + gone);
}

}  // namespace penstock::cli
