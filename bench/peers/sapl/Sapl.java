import io.sapl.api.model.ObjectValue;
import io.sapl.api.model.Value;
import io.sapl.api.pdp.AuthorizationSubscription;
import io.sapl.api.pdp.Decision;
import io.sapl.api.pdp.configuration.CombiningAlgorithm;
import io.sapl.api.pdp.configuration.CombiningAlgorithm.DefaultDecision;
import io.sapl.api.pdp.configuration.CombiningAlgorithm.ErrorHandling;
import io.sapl.api.pdp.configuration.CombiningAlgorithm.VotingMode;
import io.sapl.api.pdp.configuration.PDPConfiguration;
import io.sapl.api.pdp.configuration.PdpData;
import io.sapl.pdp.BlockingPolicyDecisionPoint;
import io.sapl.pdp.PDPComponents;
import io.sapl.pdp.PolicyDecisionPointBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * SAPL, embedded, in a scenario of ../scenarios.py. Policies see three variables: ancestors (entity
 * → all that it is in), attributes (entity → name → value) and grants (principal → resource).
 */
public final class Sapl {
  private static final JsonMapper JSON = new JsonMapper();
  /** Nobody's permit counts against a denial, as in Cedar. */
  private static final CombiningAlgorithm ALGORITHM =
      new CombiningAlgorithm(
          VotingMode.PRIORITY_DENY, DefaultDecision.DENY, ErrorHandling.PROPAGATE);

  private final List<String> policies;
  private final String scenario;
  private final List<Long> times = new ArrayList<>();
  private long decisions = 0xcbf29ce484222325L;
  private int allows;

  private Sapl(List<String> policies, String scenario) {
    this.policies = policies;
    this.scenario = scenario;
  }

  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      System.err.println("usage: Sapl POLICIES HIERARCHIES SCENARIO");
      System.exit(2);
    }
    var policies = documents(Files.readString(Path.of(args[0])));
    long clock = clockCost();
    // The whole scenario before the one that counts, so that all is compiled by then.
    var warmUp = new Sapl(policies, args[2]);
    var measured = new Sapl(policies, args[2]);
    for (var run : List.of(warmUp, measured)) {
      try (var lines = Files.lines(Path.of(args[1]))) {
        for (String line : (Iterable<String>) lines::iterator) run.hierarchy(line, clock);
      }
    }
    measured.print();
  }

  /** A file's policies, each a document of its own. */
  private static List<String> documents(String text) {
    return Arrays.stream(text.split("(?m)^(?=policy )")).filter(p -> p.startsWith("policy ")).toList();
  }

  private void hierarchy(String line, long clock) {
    JsonNode hierarchy = JSON.readTree(line);
    var configuration =
        new PDPConfiguration(
            "default", scenario, ALGORITHM, Value.EMPTY_OBJECT, policies,
            new PdpData(variables(hierarchy), Value.EMPTY_OBJECT));
    List<String[]> requests = new ArrayList<>();
    for (JsonNode each : hierarchy.get("requests")) {
      requests.add(each.valueStream().map(JsonNode::stringValue).toArray(String[]::new));
    }
    try (PDPComponents components =
        PolicyDecisionPointBuilder.withDefaults().withConfiguration(configuration).build()) {
      BlockingPolicyDecisionPoint pdp = components.pdp();
      int allowed = 0;
      for (String[] request : requests) {
        boolean allow = decide(pdp, request);
        if (allow) ++allowed;
        decisions = (decisions ^ (allow ? '1' : '0')) * 0x100000001b3L;
      }
      allows += allowed;
      for (String[] request : requests) {
        long from = System.nanoTime();
        boolean allow = decide(pdp, request);
        long to = System.nanoTime();
        times.add(Math.max(0, to - from - clock));
        if (allow) --allowed;
      }
      if (allowed != 0) throw new IllegalStateException("answers change");
    }
  }

  private static boolean decide(BlockingPolicyDecisionPoint pdp, String[] r) {
    var subscription =
        new AuthorizationSubscription(
            Value.of(r[0] + "::" + r[1]), Value.of(r[2] + "::" + r[3]),
            Value.of(r[4] + "::" + r[5]), Value.UNDEFINED, Value.EMPTY_OBJECT);
    return pdp.decideOnce(subscription).decision() == Decision.PERMIT;
  }

  private void print() {
    if (times.isEmpty()) throw new IllegalStateException("no requests");
    var sorted = times.stream().sorted().toList();
    System.out.printf(
        "{\"scenario\":\"%s\",\"engine\":\"sapl\",\"median_ns\":%d,\"p99_ns\":%d,\"requests\":%d,"
            + "\"allows\":%d,\"decisions\":\"%016x\"}%n",
        scenario, percentile(sorted, 50), percentile(sorted, 99), sorted.size(), allows, decisions);
  }

  /** The smallest of sorted values that `percent` of them do not exceed. */
  private static long percentile(List<Long> sorted, int percent) {
    return sorted.get(Math.max(1, (sorted.size() * percent + 99) / 100) - 1);
  }

  /** What reading the clock twice costs, with nothing between. */
  private static long clockCost() {
    List<Long> costs = new ArrayList<>();
    for (int i = 0; i < 100_000; ++i) {
      long from = System.nanoTime();
      costs.add(System.nanoTime() - from);
    }
    costs.sort(null);
    return percentile(costs, 50);
  }

  private static ObjectValue variables(JsonNode hierarchy) {
    Map<String, List<String>> parents = new HashMap<>();
    var attributes = ObjectValue.builder();
    for (JsonNode entity : hierarchy.get("entities")) {
      String name = name(entity.get("uid"));
      parents.put(name, entity.get("parents").valueStream().map(Sapl::name).toList());
      var values = ObjectValue.builder();
      entity.get("attrs").forEachEntry((key, value) -> values.put(key, value(value)));
      attributes.put(name, values.build());
    }
    var ancestors = ObjectValue.builder();
    for (String name : parents.keySet()) ancestors.put(name, object(above(name, parents)));
    Map<String, Set<String>> resources = new HashMap<>();
    for (JsonNode grant : hierarchy.path("grants")) {
      resources
          .computeIfAbsent("User::" + grant.get(0).stringValue(), user -> new LinkedHashSet<>())
          .add("Resource::" + grant.get(1).stringValue());
    }
    var grants = ObjectValue.builder();
    resources.forEach((user, granted) -> grants.put(user, object(granted)));
    return ObjectValue.builder()
        .put("ancestors", ancestors.build())
        .put("attributes", attributes.build())
        .put("grants", grants.build())
        .build();
  }

  private static Set<String> above(String name, Map<String, List<String>> parents) {
    var found = new LinkedHashSet<String>(List.of(name));
    var open = new ArrayDeque<String>(found);
    while (!open.isEmpty()) {
      for (String parent : parents.get(open.pop())) {
        if (found.add(parent)) open.push(parent);
      }
    }
    return found;
  }

  private static String name(JsonNode uid) {
    return uid.get("type").stringValue() + "::" + uid.get("id").stringValue();
  }

  private static ObjectValue object(Collection<String> keys) {
    var object = ObjectValue.builder();
    for (String key : keys) object.put(key, Value.TRUE);
    return object.build();
  }

  private static Value value(JsonNode json) {
    if (json.isBoolean()) return Value.of(json.booleanValue());
    if (json.isNumber()) return Value.of(json.longValue());
    if (json.isString()) return Value.of(json.stringValue());
    if (json.isArray()) {
      return Value.ofArray(json.valueStream().map(Sapl::value).toArray(Value[]::new));
    }
    if (json.has("__entity")) return Value.of(name(json.get("__entity")));
    var object = ObjectValue.builder();
    json.forEachEntry((key, member) -> object.put(key, value(member)));
    return object.build();
  }
}
