/*
 * jobs.c: threads of the plugin's own, on which blocks are fetched and parts are sent while a
 * client is served. Called by reader.c and writer.c; a job never waits for another.
 */
#include "fs_s3.h"

#include <signal.h>
#include <stdlib.h>

struct jobs {
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    struct job *first;
    struct job **last; /* where the next is linked in */
    bool is_ending;
    unsigned count;
    pthread_t threads[];
};

static void *work(void *arg)
{
    struct jobs *jobs = arg;
    pthread_mutex_lock(&jobs->lock);
    for (;;) {
        struct job *job = jobs->first;
        if (job) {
            jobs->first = job->next;
            if (!jobs->first)
                jobs->last = &jobs->first;
            pthread_mutex_unlock(&jobs->lock);
            job->run(job); /* which may free it */
            pthread_mutex_lock(&jobs->lock);
        } else if (jobs->is_ending) {
            break;
        } else {
            pthread_cond_wait(&jobs->changed, &jobs->lock);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* Signals are the process's main thread's. */
static bool start(struct jobs *jobs, unsigned threads)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (jobs->count < threads &&
           pthread_create(&jobs->threads[jobs->count], NULL, work, jobs) == 0)
        jobs->count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return jobs->count == threads;
}

struct jobs *jobs_new(unsigned threads)
{
    struct jobs *jobs = calloc(1, sizeof *jobs + threads * sizeof *jobs->threads);
    if (!jobs)
        return NULL;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->changed, NULL);
    jobs->last = &jobs->first;
    if (start(jobs, threads))
        return jobs;
    jobs_free(jobs);
    return NULL;
}

void jobs_add(struct jobs *jobs, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&jobs->lock);
    *jobs->last = job;
    jobs->last = &job->next;
    pthread_cond_signal(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->is_ending = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->count; i++)
        pthread_join(jobs->threads[i], NULL);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
