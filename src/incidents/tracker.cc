#include "anomaly_exporter/incidents/tracker.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "anomaly_exporter/stats/correlation.h"

namespace anomaly_exporter::incidents {
namespace {

/// Members of an incident with which a newcomer is compared: the ranked first of them.
constexpr std::size_t kCompared = 4;
/// Ended members that an open incident remembers.
constexpr std::size_t kEndedMembers = 1000;

std::pair<std::uint32_t, std::int64_t> identity_of(const Member& member) {
  return {member.row, member.opened.ms};
}

/// A label of ours beside the entity's own, for hashing; no source label can be named so.
std::string id_of(const std::string& monitor, const Member& first) {
  std::vector<core::Label> labels(first.labels.items().begin(), first.labels.items().end());
  labels.push_back({" monitor", monitor});
  labels.push_back({" metric", first.metric});
  labels.push_back({" opened", std::to_string(first.opened.ms)});
  const std::uint64_t hash = core::Labels::create(std::move(labels)).value().hash();
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id(16, '0');
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = kDigits[(hash >> (60 - 4 * i)) & 15];
  return id;
}

core::Labels intersection(const core::Labels& a, const core::Labels& b) {
  std::vector<core::Label> both;
  std::set_intersection(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(),
                        std::back_inserter(both));
  return core::Labels::create(std::move(both)).value();
}

bool is_one_entity(const Incident& incident) {
  return std::all_of(incident.members.begin(), incident.members.end(),
                     [&](const Member& m) { return m.labels == incident.members.front().labels; });
}

/// Ranks the members and finds the first again. REQUIRES: incident.first is valid.
void rank(Incident& incident) {
  const auto first = identity_of(incident.members[incident.first]);
  std::sort(incident.members.begin(), incident.members.end(), [](const Member& a, const Member& b) {
    if (a.is_open() != b.is_open()) return a.is_open();
    if (a.level != b.level) return a.level > b.level;
    if (a.score != b.score) return a.score > b.score;
    return std::pair(a.opened.ms, a.row) < std::pair(b.opened.ms, b.row);
  });
  // Ended members are ranked last; of a long incident only so many are remembered.
  const std::size_t most = incident.open_members() + kEndedMembers;
  if (incident.members.size() > most) incident.members.resize(most);
  const auto found = std::find_if(incident.members.begin(), incident.members.end(),
                                  [&](const Member& m) { return identity_of(m) == first; });
  const auto last = found != incident.members.end() ? found : incident.members.begin();
  incident.first = static_cast<std::size_t>(last - incident.members.begin());
}

void add(Incident& incident, Member member) {
  const bool is_first = member.opened < incident.members[incident.first].opened;
  incident.shared = intersection(incident.shared, member.labels);
  incident.opened = std::min(incident.opened, member.opened);
  incident.newest = std::max(incident.newest, member.opened);
  incident.members.push_back(std::move(member));
  if (is_first) incident.first = incident.members.size() - 1;
}

/// Moves the members of `younger` into `older`.
void absorb(Incident& older, Incident& younger, Cause cause) {
  for (auto& member : younger.members) add(older, std::move(member));
  younger.members.clear();
  older.cause =
      is_one_entity(older) ? Cause::Entity : std::max({older.cause, younger.cause, cause});
}

/// Of a wide incident of which one host is left, the labels are that host's: it must not stand for
/// others any more. Members that ended less than `within` ago count, lest one that flickers makes
/// the labels flicker. True when they changed.
bool narrow(Incident& incident, core::Timestamp now, core::Duration within) {
  std::optional<std::vector<core::Label>> all;
  for (const Member& member : incident.members) {
    if (!member.is_open() && now - member.resolved >= within) continue;
    if (!all) {
      all.emplace(member.labels.items().begin(), member.labels.items().end());
    } else {
      std::erase_if(*all, [&](const core::Label& label) {
        return member.labels.value(label.name) != std::string_view(label.value);
      });
    }
    if (all->size() <= incident.shared.size()) return false;
  }
  if (!all) return false;
  incident.shared = core::Labels::create(std::move(*all)).value();
  return true;
}

/// Calls `visit` with the labels of the groups that an entity may storm with: the empty one for all
/// entities, then each of its own.
template <class Visit>
void for_each_group(const core::Labels& entity, Visit visit) {
  visit(core::Label{});
  for (const auto& label : entity.items()) visit(label);
}

}  // namespace

/// The entities with a label that opened within `join_within`, and the incidents that they are in.
struct Tracker::Group {
  std::set<core::Labels> entities;
  std::set<std::size_t> incidents;
};

Tracker::Tracker(std::string monitor, IncidentOptions options)
    : monitor_(std::move(monitor)), options_(options) {}

void Tracker::configure(IncidentOptions options) { options_ = options; }

bool Tracker::update(core::Timestamp now, std::span<const Sighting> sightings,
                     const RowSource& rows) {
  bool is_changed = false;
  std::map<std::uint32_t, Member*> known;
  for (auto& incident : open_) {
    for (auto& member : incident.members) {
      if (member.is_open()) known[member.row] = &member;
    }
  }
  std::vector<Sighting> fresh;
  for (const auto& sighting : sightings) {
    const auto found = known.find(sighting.row);
    if (found == known.end() || found->second->opened < sighting.opened) {
      fresh.push_back(sighting);
      continue;
    }
    Member& member = *found->second;
    is_changed = is_changed || sighting.level > member.level;
    member.level = std::max(member.level, sighting.level);
    if (sighting.score > member.score) {
      member.score = sighting.score;
      member.value = sighting.value;
      member.expected = sighting.expected;
      member.has_expected = sighting.has_expected;
    }
    known.erase(found);
  }
  for (auto& [row, member] : known) {
    member->resolved = now;
    is_changed = true;
  }
  is_changed = is_changed || !fresh.empty();

  // By the time of their opening: a tracker that starts anew meets episodes of different age.
  std::sort(fresh.begin(), fresh.end(), [](const Sighting& a, const Sighting& b) {
    if (a.opened != b.opened) return a.opened < b.opened;
    if (a.score != b.score) return a.score > b.score;
    return a.row < b.row;
  });
  std::set<Identity> refused;
  for (std::size_t begin = 0; begin < fresh.size();) {
    const core::Timestamp opened = fresh[begin].opened;
    std::size_t end = begin;
    while (end < fresh.size() && fresh[end].opened == opened) ++end;
    take_in(std::span(fresh).subspan(begin, end - begin), opened, rows, refused);
    begin = end;
  }
  refused_rows_ = std::move(refused);
  is_changed = narrow_all(now) || is_changed;
  for (auto& incident : open_) rank(incident);
  finish(now);
  return is_changed;
}

/// Two that are narrowed to equal labels become one, which may be narrower again. True when labels
/// changed.
bool Tracker::narrow_all(core::Timestamp now) {
  bool is_changed = false;
  for (std::size_t merged = 1; merged > 0;) {
    bool is_narrowed = false;
    for (auto& incident : open_) {
      is_narrowed = narrow(incident, now, options_.join_within) || is_narrowed;
    }
    const std::size_t before = open_.size();
    if (is_narrowed) merge_equal();
    merged = before - open_.size();
    is_changed = is_changed || is_narrowed;
  }
  return is_changed;
}

/// Places newcomers that opened at the same time. Incidents go by their index in `open_`, which
/// only grows until the storms are folded.
void Tracker::take_in(std::span<const Sighting> sightings, core::Timestamp opened,
                      const RowSource& rows, std::set<Identity>& refused) {
  const auto is_recent = [&](const Member& member) {
    return std::chrono::abs(opened - member.opened) <= options_.join_within;  // clocks are set
  };
  std::vector<Member> newcomers;
  Homes homes;
  Groups groups;
  for (const auto& s : sightings) {
    Member& member = newcomers.emplace_back();
    member.row = s.row;
    member.metric = rows.metric(s.row);
    member.labels = rows.labels(s.row);
    member.level = s.level;
    member.score = s.score;
    member.value = s.value;
    member.expected = s.expected;
    member.has_expected = s.has_expected;
    member.opened = s.opened;
    homes.emplace(member.labels, std::nullopt);
    for_each_group(member.labels,
                   [&](const core::Label& label) { groups[label].entities.insert(member.labels); });
  }
  for (std::size_t i = 0; i < open_.size(); ++i) {
    for (const auto& member : open_[i].members) {
      const auto home = member.is_open() ? homes.find(member.labels) : homes.end();
      if (home != homes.end() && !home->second) home->second = i;
      if (!is_recent(member)) continue;
      for_each_group(member.labels, [&](const core::Label& label) {
        Group& group = groups[label];
        group.entities.insert(member.labels);
        group.incidents.insert(i);
      });
    }
  }
  std::erase_if(groups,
                [&](const auto& entry) { return entry.second.entities.size() < options_.storm; });
  if (const auto all = groups.find(core::Label{}); all != groups.end() && groups.size() > 1) {
    // All entities together: those that no label tells apart better.
    Group& rest = all->second;
    std::erase_if(rest.entities, [&](const core::Labels& entity) {
      const auto labels = entity.items();
      return std::any_of(labels.begin(), labels.end(),
                         [&](const core::Label& label) { return groups.contains(label); });
    });
    rest.incidents.clear();
    for (std::size_t i = 0; i < open_.size(); ++i) {
      const auto& members = open_[i].members;
      const bool is_of_rest = std::any_of(members.begin(), members.end(), [&](const Member& m) {
        return is_recent(m) && rest.entities.contains(m.labels);
      });
      if (is_of_rest) rest.incidents.insert(i);
    }
    if (rest.entities.size() < options_.storm) groups.erase(all);
  }

  for (auto& newcomer : newcomers) {
    std::vector<Group*> storms;
    for_each_group(newcomer.labels, [&](const core::Label& label) {
      const auto found = groups.find(label);
      if (found == groups.end() || !found->second.entities.contains(newcomer.labels)) return;
      storms.push_back(&found->second);
    });
    std::optional<std::size_t>& home = homes[newcomer.labels];
    home = place(newcomer, home, storms, rows, refused);
    if (!home) continue;
    for (Group* storm : storms) storm->incidents.insert(*home);
  }
  fold_storms(groups);
  merge_equal();
}

/// `home`: the incident in which an anomaly of its entity goes on, if there is one. Returns the one
/// that took the newcomer in; none when it was refused.
std::optional<std::size_t> Tracker::place(Member& newcomer, std::optional<std::size_t> home,
                                          std::span<Group* const> storms, const RowSource& rows,
                                          std::set<Identity>& refused) {
  Cause cause = Cause::Entity;
  if (!home && !storms.empty()) {
    for (const Group* storm : storms) {  // any of them: they are folded afterwards
      if (!storm->incidents.empty()) home = *storm->incidents.begin();
    }
    cause = Cause::Storm;
  } else if (!home && (open_.size() < options_.most_open ||
                       !refused_rows_.contains(identity_of(newcomer)))) {
    home = correlated(newcomer, rows);
    cause = Cause::Correlation;
  }
  if (home) {
    Incident& incident = open_[*home];
    if (storms.empty()) note_shift(incident, newcomer, rows);
    incident.cause = std::max(incident.cause, cause);
    add(incident, std::move(newcomer));
    return home;
  }
  if (open_.size() >= options_.most_open) {
    const Identity identity = identity_of(newcomer);
    refused.insert(identity);
    if (!refused_rows_.contains(identity)) ++refused_;
    return std::nullopt;
  }
  Incident incident;
  incident.id = id_of(monitor_, newcomer);
  incident.shared = newcomer.labels;
  incident.opened = incident.newest = newcomer.opened;
  incident.members.push_back(std::move(newcomer));
  open_.push_back(std::move(incident));
  return open_.size() - 1;
}

stats::LaggedCorrelation Tracker::compare(std::uint32_t first, std::uint32_t second,
                                          const RowSource& rows) const {
  std::vector<float> a(options_.correlated_ticks), b(options_.correlated_ticks);
  rows.recent(first, a);
  rows.recent(second, b);
  return stats::lagged_correlation(a, b, static_cast<int>(options_.most_lag),
                                   options_.correlated_ticks / 2);
}

/// The newest open incident with one of whose first members the newcomer moves.
std::optional<std::size_t> Tracker::correlated(const Member& newcomer,
                                               const RowSource& rows) const {
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (std::chrono::abs(newcomer.opened - open_[i].newest) > options_.join_within) continue;
    std::size_t compared = 0;
    for (const auto& member : open_[i].members) {
      if (!member.is_open()) continue;
      if (++compared > kCompared) break;
      const auto found = compare(member.row, newcomer.row, rows);
      if (found.is_known && std::abs(found.r) >= options_.correlation) return i;
    }
  }
  return std::nullopt;
}

/// How the newcomer follows the first to move.
void Tracker::note_shift(const Incident& incident, Member& newcomer, const RowSource& rows) const {
  const Member& first = incident.members[incident.first];
  const auto found = compare(first.row, newcomer.row, rows);
  if (!found.is_known) return;
  newcomer.correlation = found.r;
  newcomer.lag = found.lag;
}

/// Makes one incident, the oldest, of those in which the entities of a storm are.
void Tracker::fold_storms(const Groups& storms) {
  std::vector<std::size_t> home(open_.size());  // where the members of each incident are now
  std::iota(home.begin(), home.end(), std::size_t{0});
  for (const auto& [label, storm] : storms) {
    if (storm.incidents.empty()) continue;  // all refused
    std::size_t oldest = open_.size();
    for (const std::size_t i : storm.incidents) oldest = std::min(oldest, home[i]);
    for (const std::size_t i : storm.incidents) {
      const std::size_t younger = home[i];
      if (younger == oldest) continue;
      absorb(open_[oldest], open_[younger], Cause::Storm);
      std::replace(home.begin(), home.end(), younger, oldest);
    }
    open_[oldest].cause = Cause::Storm;
  }
  std::erase_if(open_, [](const Incident& incident) { return incident.members.empty(); });
}

/// Two that would be exported under equal labels are one.
void Tracker::merge_equal() {
  std::map<core::Labels, std::size_t> by_labels;
  for (std::size_t i = 0; i < open_.size(); ++i) {
    const auto [found, is_new] = by_labels.emplace(open_[i].shared, i);
    if (!is_new) absorb(open_[found->second], open_[i], Cause::Correlation);
  }
  std::erase_if(open_, [](const Incident& incident) { return incident.members.empty(); });
}

/// Moves what has no open member any more to the resolved ones.
void Tracker::finish(core::Timestamp now) {
  for (auto& incident : open_) {
    if (incident.open_members() > 0) continue;
    incident.resolved = now;
    resolved_.push_back(std::make_shared<const Incident>(incident));
  }
  std::erase_if(open_, [](const Incident& incident) { return !incident.is_open(); });
  while (resolved_.size() > options_.most_resolved) resolved_.pop_front();
}

}  // namespace anomaly_exporter::incidents
