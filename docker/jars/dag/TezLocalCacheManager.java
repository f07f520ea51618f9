package org.apache.tez.dag.app.launcher;

import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.yarn.api.records.LocalResource;

/**
 * Stands before Tez's own of this name in HiveServer2 and brings nothing.
 *
 * <p>Tez local mode makes a container for each task, and copies the session's files from HDFS into a folder of the
 * container's own first. Their permissions are set, and links looked at, by some twenty processes: 0.15 s a task. All of
 * it is on HiveServer2's class path, where the tasks run.
 */
public class TezLocalCacheManager {
    public TezLocalCacheManager(Map<String, LocalResource> resources, Configuration conf) {}

    public void localize() {}

    public void cleanup() {}
}
