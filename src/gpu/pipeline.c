/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Makes compute pipelines of embedded shaders, once each, and keeps the driver's cache of them on
 * disk. */
#include "gpu/pipeline.h"

#include "gpu/check.h"
#include "gpu/cache.h"
#include "gpu/shaders.h"
#include "util/error.h"

#include <pthread.h>
#include <string.h>

/* Compilers share caches and locks, so more threads than this gain little. */
#define MOST_THREADS 8

typedef struct {
    const LmShader *shader;
    unsigned n_spec;
    guint32 spec[LM_MAX_SPEC];
} Key;

struct LmPipelines {
    LmDevice *device;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipelineCache cache;
    char *cache_path; /**< NULL: not kept on disk. */
    LmCacheIdentity identity;
    pthread_mutex_t lock; /**< Guards the fields below. */
    gsize saved_size;     /**< Bytes of the data when last read or written. */
    GHashTable *made;     /**< Key -> VkPipeline in a guint64. */
    gint64 making_us;
};

static guint hash_key(gconstpointer pointer)
{
    const Key *key = pointer;
    guint hash = g_direct_hash(key->shader);
    for (unsigned i = 0; i < key->n_spec; i++)
        hash = hash * 33 + key->spec[i];
    return hash;
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    const Key *left = a, *right = b;
    return left->shader == right->shader && left->n_spec == right->n_spec &&
           memcmp(left->spec, right->spec, left->n_spec * sizeof *left->spec) == 0;
}

static bool create_layouts(LmPipelines *pipelines, GError **error)
{
    LmDevice *device = pipelines->device;
    VkDescriptorSetLayoutBinding bindings[LM_N_BINDINGS];
    for (unsigned i = 0; i < LM_N_BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < LM_BINDING_OUTPUT ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                    : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    if (!LM_VK_CHECK(LM_FAULT_PIPELINE, error, vkCreateDescriptorSetLayout, device->handle,
                     &(VkDescriptorSetLayoutCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                         .bindingCount = LM_N_BINDINGS,
                         .pBindings = bindings,
                     },
                     NULL, &pipelines->set_layout))
        return false;
    if (!LM_VK_CHECK(LM_FAULT_PIPELINE, error, vkCreatePipelineLayout, device->handle,
                     &(VkPipelineLayoutCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                         .setLayoutCount = 1,
                         .pSetLayouts = &pipelines->set_layout,
                         .pushConstantRangeCount = 1,
                         .pPushConstantRanges =
                             &(VkPushConstantRange){VK_SHADER_STAGE_COMPUTE_BIT, 0, LM_PUSH_BYTES},
                     },
                     NULL, &pipelines->layout))
        return false;
    lm_device_name(device, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, (guint64)pipelines->set_layout,
                   "the one set layout");
    lm_device_name(device, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (guint64)pipelines->layout,
                   "the one pipeline layout");
    return true;
}

static void locate_cache(LmPipelines *pipelines, const char *cache_dir)
{
    LmDevice *device = pipelines->device;
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    vkGetPhysicalDeviceProperties2(device->physical, &properties);

    LmCacheIdentity *identity = &pipelines->identity;
    memcpy(identity->device_uuid, id.deviceUUID, VK_UUID_SIZE);
    memcpy(identity->cache_uuid, properties.properties.pipelineCacheUUID, VK_UUID_SIZE);
    identity->vendor = properties.properties.vendorID;
    identity->device = properties.properties.deviceID;
    identity->driver_version = properties.properties.driverVersion;
    if (cache_dir && !cache_dir[0])
        return;
    g_autofree char *directory =
        cache_dir ? g_strdup(cache_dir) : g_build_filename(g_get_user_cache_dir(), "lmnet", NULL);
    g_autofree char *name =
        g_strdup_printf("%s-%08x.bin", device->info.uuid, identity->driver_version);
    pipelines->cache_path = g_build_filename(directory, name, NULL);
}

static bool create_cache(LmPipelines *pipelines, GError **error)
{
    g_autoptr(GBytes) kept =
        pipelines->cache_path ? lm_cache_read(pipelines->cache_path, &pipelines->identity) : NULL;
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    if (kept)
        info.pInitialData = g_bytes_get_data(kept, &info.initialDataSize);
    VkDevice device = pipelines->device->handle;
    VkResult result =
        LM_VK(LM_FAULT_PIPELINE, vkCreatePipelineCache(device, &info, NULL, &pipelines->cache));
    if (result != VK_SUCCESS && kept) {
        g_info("%s: the driver does not accept it", pipelines->cache_path);
        info.pInitialData = NULL;
        info.initialDataSize = 0;
        result =
            LM_VK(LM_FAULT_PIPELINE, vkCreatePipelineCache(device, &info, NULL, &pipelines->cache));
    }
    /* Less than was read if the driver did not accept it. */
    return lm_vk_check(result, "vkCreatePipelineCache", error) &&
           lm_vk_check(
               vkGetPipelineCacheData(device, pipelines->cache, &pipelines->saved_size, NULL),
               "vkGetPipelineCacheData", error);
}

LmPipelines *lm_pipelines_create(LmDevice *device, const char *cache_dir, GError **error)
{
    LmPipelines *pipelines = g_new0(LmPipelines, 1);
    pipelines->device = device;
    pthread_mutex_init(&pipelines->lock, NULL);
    pipelines->made = g_hash_table_new_full(hash_key, equal_keys, g_free, g_free);
    locate_cache(pipelines, cache_dir);
    if (!create_layouts(pipelines, error) || !create_cache(pipelines, error))
        lm_pipelines_free(&pipelines);
    return pipelines;
}

void lm_pipelines_free(LmPipelines **pointer)
{
    LmPipelines *pipelines = *pointer;
    if (!pipelines)
        return;
    VkDevice device = pipelines->device->handle;
    GHashTableIter iter;
    gpointer pipeline;
    g_hash_table_iter_init(&iter, pipelines->made);
    while (g_hash_table_iter_next(&iter, NULL, &pipeline))
        vkDestroyPipeline(device, (VkPipeline) * (guint64 *)pipeline, NULL);
    g_hash_table_unref(pipelines->made);
    vkDestroyPipelineCache(device, pipelines->cache, NULL);
    vkDestroyPipelineLayout(device, pipelines->layout, NULL);
    vkDestroyDescriptorSetLayout(device, pipelines->set_layout, NULL);
    g_free(pipelines->cache_path);
    pthread_mutex_destroy(&pipelines->lock);
    g_free(pipelines);
    *pointer = NULL;
}

/* With the lock held. */
static void save(LmPipelines *pipelines)
{
    VkDevice device = pipelines->device->handle;
    gsize size = 0;
    if (!pipelines->cache_path ||
        vkGetPipelineCacheData(device, pipelines->cache, &size, NULL) != VK_SUCCESS ||
        size <= pipelines->saved_size || size <= sizeof(VkPipelineCacheHeaderVersionOne))
        return; /* lavapipe's cache never holds more than its header. */
    g_autofree void *data = g_try_malloc(size);
    if (!data || vkGetPipelineCacheData(device, pipelines->cache, &size, data) != VK_SUCCESS)
        return;
    g_autoptr(GError) error = NULL;
    if (lm_cache_write(pipelines->cache_path, &pipelines->identity, data, size, &error))
        pipelines->saved_size = size;
    else
        g_info("cannot write the pipeline cache: %s", error->message);
}

void lm_pipelines_save(LmPipelines *pipelines)
{
    pthread_mutex_lock(&pipelines->lock);
    save(pipelines);
    pthread_mutex_unlock(&pipelines->lock);
}

LmDevice *lm_pipelines_device(const LmPipelines *pipelines)
{
    return pipelines->device;
}

VkPipelineLayout lm_pipelines_layout(const LmPipelines *pipelines)
{
    return pipelines->layout;
}

VkDescriptorSetLayout lm_pipelines_set_layout(const LmPipelines *pipelines)
{
    return pipelines->set_layout;
}

unsigned lm_pipelines_count(LmPipelines *pipelines)
{
    pthread_mutex_lock(&pipelines->lock);
    unsigned n = g_hash_table_size(pipelines->made);
    pthread_mutex_unlock(&pipelines->lock);
    return n;
}

gint64 lm_pipelines_making_us(LmPipelines *pipelines)
{
    pthread_mutex_lock(&pipelines->lock);
    gint64 us = pipelines->making_us;
    pthread_mutex_unlock(&pipelines->lock);
    return us;
}

static bool create_pipeline(LmPipelines *pipelines, const Key *key, VkPipeline *pipeline,
                            GError **error)
{
    VkDevice device = pipelines->device->handle;
    const LmShader *shader = key->shader;
    VkShaderModule module;
    if (!LM_VK_CHECK(LM_FAULT_PIPELINE, error, vkCreateShaderModule, device,
                     &(VkShaderModuleCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                         .codeSize = shader->size,
                         .pCode = shader->code,
                     },
                     NULL, &module))
        return false;
    lm_device_name(pipelines->device, VK_OBJECT_TYPE_SHADER_MODULE, (guint64)module, "%s",
                   shader->name);
    VkSpecializationMapEntry entries[LM_MAX_SPEC];
    for (guint32 i = 0; i < key->n_spec; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * sizeof *key->spec, sizeof *key->spec};
    bool ok =
        LM_VK_CHECK(LM_FAULT_PIPELINE, error, vkCreateComputePipelines, device, pipelines->cache, 1,
                    &(VkComputePipelineCreateInfo){
                        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                        .stage =
                            {
                                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                .module = module,
                                .pName = "main",
                                .pSpecializationInfo =
                                    &(VkSpecializationInfo){
                                        .mapEntryCount = key->n_spec,
                                        .pMapEntries = entries,
                                        .dataSize = key->n_spec * sizeof *key->spec,
                                        .pData = key->spec,
                                    },
                            },
                        .layout = pipelines->layout,
                    },
                    NULL, pipeline);
    vkDestroyShaderModule(device, module, NULL);
    return ok;
}

static Key make_key(const LmPipelines *pipelines, const LmShader *shader, const guint32 *spec,
                    unsigned n_spec)
{
    g_assert(n_spec <= LM_MAX_SPEC);
    g_assert(!(shader->variant & LM_VARIANT_LANES8) || pipelines->device->info.lanes8);
    g_assert(!(shader->variant & LM_VARIANT_TILED) || pipelines->device->info.tiled);
    g_assert(!(shader->variant & LM_VARIANT_HALF) || pipelines->device->info.native_fp16);
    Key key = {.shader = shader, .n_spec = n_spec};
    if (n_spec > 0)
        memcpy(key.spec, spec, n_spec * sizeof *spec);
    return key;
}

static void keep_pipeline(LmPipelines *pipelines, const Key *key, VkPipeline pipeline)
{
    lm_device_name(pipelines->device, VK_OBJECT_TYPE_PIPELINE, (guint64)pipeline, "%s%s%s%s",
                   key->shader->name, key->shader->variant & LM_VARIANT_FP16 ? ".fp16" : "",
                   key->shader->variant & LM_VARIANT_LANES8  ? ".lanes8"
                   : key->shader->variant & LM_VARIANT_TILED ? ".tiled"
                                                             : "",
                   key->shader->variant & LM_VARIANT_HALF ? ".half" : "");
    guint64 value = (guint64)pipeline;
    g_hash_table_insert(pipelines->made, g_memdup2(key, sizeof *key),
                        g_memdup2(&value, sizeof value));
}

/* A pipeline to make, and the result. */
typedef struct {
    Key key;
    VkPipeline pipeline;
    GError *error;
} Job;

/* Jobs for several threads; each thread takes the next one. */
typedef struct {
    LmPipelines *pipelines;
    GArray *jobs;
    gint next; /* atomic */
} Work;

static gpointer do_jobs(gpointer data)
{
    Work *work = data;
    guint i;
    while ((i = (guint)g_atomic_int_add(&work->next, 1)) < work->jobs->len) {
        Job *job = &g_array_index(work->jobs, Job, i);
        if (!create_pipeline(work->pipelines, &job->key, &job->pipeline, &job->error))
            g_prefix_error(&job->error, "shader \"%s\": ", job->key.shader->name);
    }
    return NULL;
}

/* Makes all of `jobs`, with the lock held. Returns false with the error of the first failed one. */
static bool make_pipelines(LmPipelines *pipelines, GArray *jobs, GError **error)
{
    Work work = {.pipelines = pipelines, .jobs = jobs};
    GThread *helpers[MOST_THREADS - 1];
    unsigned n_helpers = 0, n = MIN(MIN(jobs->len, g_get_num_processors()), MOST_THREADS);
    gint64 start = g_get_monotonic_time();
    /* If no more threads can start, the running ones do all jobs. */
    while (n_helpers + 1 < n &&
           (helpers[n_helpers] = g_thread_try_new("lm-pipelines", do_jobs, &work, NULL)))
        n_helpers++;
    do_jobs(&work);
    for (unsigned i = 0; i < n_helpers; i++)
        g_thread_join(helpers[i]);
    pipelines->making_us += g_get_monotonic_time() - start;

    bool ok = true;
    for (guint i = 0; i < jobs->len; i++) {
        Job *job = &g_array_index(jobs, Job, i);
        if (!job->error) {
            keep_pipeline(pipelines, &job->key, job->pipeline);
        } else if (ok) {
            g_propagate_error(error, job->error);
            ok = false;
        } else {
            g_error_free(job->error);
        }
    }
    return ok;
}

static const LmShader *find_shader(const char *name, unsigned variant, GError **error)
{
    const LmShader *shader = lm_shader_find(lm_shaders, name, variant);
    if (!shader)
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "there is no shader \"%s\"", name);
    return shader;
}

/* With the lock held, like find_pipeline(). */
static bool prepare(LmPipelines *pipelines, const LmPipelineRequest *requests, unsigned n,
                    GError **error)
{
    g_autoptr(GArray) jobs = g_array_sized_new(FALSE, FALSE, sizeof(Job), n);
    for (unsigned i = 0; i < n; i++) {
        const LmPipelineRequest *request = &requests[i];
        const LmShader *shader = find_shader(request->name, request->variant, error);
        if (!shader)
            return false;
        Job job = {.key = make_key(pipelines, shader, request->spec, request->n_spec)};
        bool known = g_hash_table_contains(pipelines->made, &job.key);
        for (guint k = 0; !known && k < jobs->len; k++)
            known = equal_keys(&job.key, &g_array_index(jobs, Job, k).key);
        if (!known)
            g_array_append_val(jobs, job);
    }
    return jobs->len == 0 || make_pipelines(pipelines, jobs, error);
}

bool lm_pipelines_prepare(LmPipelines *pipelines, const LmPipelineRequest *requests, unsigned n,
                          GError **error)
{
    pthread_mutex_lock(&pipelines->lock);
    bool ok = prepare(pipelines, requests, n, error);
    pthread_mutex_unlock(&pipelines->lock);
    return ok;
}

static VkPipeline find_pipeline(LmPipelines *pipelines, const LmShader *shader, const guint32 *spec,
                                unsigned n_spec, GError **error)
{
    Job job = {.key = make_key(pipelines, shader, spec, n_spec)};
    const guint64 *known = g_hash_table_lookup(pipelines->made, &job.key);
    if (!known) {
        g_autoptr(GArray) jobs = g_array_new(FALSE, FALSE, sizeof(Job));
        g_array_append_val(jobs, job);
        if (!make_pipelines(pipelines, jobs, error))
            return VK_NULL_HANDLE;
        known = g_hash_table_lookup(pipelines->made, &job.key);
    }
    return (VkPipeline)*known;
}

VkPipeline lm_pipelines_get_shader(LmPipelines *pipelines, const LmShader *shader,
                                   const guint32 *spec, unsigned n_spec, GError **error)
{
    pthread_mutex_lock(&pipelines->lock);
    VkPipeline pipeline = find_pipeline(pipelines, shader, spec, n_spec, error);
    pthread_mutex_unlock(&pipelines->lock);
    return pipeline;
}

VkPipeline lm_pipelines_get(LmPipelines *pipelines, const char *name, unsigned variant,
                            const guint32 *spec, unsigned n_spec, GError **error)
{
    const LmShader *shader = find_shader(name, variant, error);
    return shader ? lm_pipelines_get_shader(pipelines, shader, spec, n_spec, error)
                  : VK_NULL_HANDLE;
}
