import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node on 127.0.0.1 whose data is in args[0] and whose HTTP port is args[1]. Ends with SIGTERM. */
public class SearchServer {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        runner.close();
      } catch (Exception error) {
        error.printStackTrace();
      }
    }));
    runner
        .onBuild((number, settings) -> {
          settings.put("discovery.type", "single-node");
          settings.put("network.host", "127.0.0.1");
          settings.put("http.port", args[1]);
          settings.put("transport.port", "0");
          // A nearly full disk must not turn indexes read-only.
          settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        })
        .build(OpenSearchRunner.newConfigs().clusterName("tidemark").numOfNode(1).basePath(args[0]));
    Thread.currentThread().join();
  }
}
